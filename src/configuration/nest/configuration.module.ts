import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule, registerAs } from '@nestjs/config';
import type { Configuration } from '../configuration.js';
import { configurationOfProcess } from './namespaces.config.js';

/** Makes every namespace injectable in the whole application: `@Inject(tlsConfig.KEY)`, or `ConfigService` by path. */
@Module({})
export class ConfigurationModule {
  /**
   * Registers the namespaces of `configuration`, by default that of the process. All come from this one value.
   * Throws {@link ConfigurationError} when it has to load and cannot.
   */
  static forRoot(configuration: Configuration = configurationOfProcess()): DynamicModule {
    // The same tokens as those of namespaces.config.ts: a token is made of the namespace's name alone.
    const load = Object.entries(configuration).map(([namespace, settings]) => registerAs(namespace, () => settings));
    return {
      module: ConfigurationModule,
      imports: [
        ConfigModule.forRoot({ load, isGlobal: true, ignoreEnvFile: true, ignoreEnvVars: true, skipProcessEnv: true }),
      ],
      exports: [ConfigModule],
    };
  }
}
