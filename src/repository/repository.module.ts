import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import { PUBLISHED, type Published } from './published.js';
import { RepositoryListener } from './repository.listener.js';
import { REPOSITORY_OPTIONS, type RepositoryOptions } from './repository.options.js';

/** Serves what the certification authority published, and the probes, over plain HTTP. */
@Module({})
export class RepositoryModule {
  static forRootAsync(
    options: RepositoryOptions,
    published: Pick<FactoryProvider<Published>, 'inject' | 'useFactory'> & Pick<DynamicModule, 'imports'>,
  ): DynamicModule {
    const { imports = [], ...factory } = published;
    return {
      module: RepositoryModule,
      imports,
      providers: [
        { provide: REPOSITORY_OPTIONS, useValue: options },
        { provide: PUBLISHED, ...factory },
        RepositoryListener,
      ],
      exports: [RepositoryListener],
    };
  }
}
