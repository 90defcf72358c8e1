import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Registry } from '../open-registry.js';
import { ServiceChanges } from '../service-changes.js';
import { ServiceRegistry } from '../service-registry.js';
import { ShadowReport } from '../shadow-report.js';

const OPTIONS = Symbol('veritas:RegistryOptions');

/** What the module runs on; `pollInterval` in milliseconds. */
interface RegistryModuleOptions {
  readonly registry: Registry;
  readonly pollInterval: number;
}

/** The service registry in a Nest application: provides its parts everywhere, and follows the store until the application shuts down. */
@Module({})
export class RegistryModule implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(OPTIONS) private readonly options: RegistryModuleOptions) {}

  static forRoot(options: RegistryModuleOptions): DynamicModule {
    const { services, changes, shadows } = options.registry;
    return {
      module: RegistryModule,
      global: true,
      providers: [
        { provide: OPTIONS, useValue: options },
        { provide: ServiceRegistry, useValue: services },
        { provide: ServiceChanges, useValue: changes },
        { provide: ShadowReport, useValue: shadows },
      ],
      exports: [ServiceRegistry, ServiceChanges, ShadowReport],
    };
  }

  onModuleInit(): void {
    this.options.registry.services.startPolling(this.options.pollInterval);
  }

  async onApplicationShutdown(): Promise<void> {
    const { services, shadows } = this.options.registry;
    services.stopPolling();
    // What was counted in the last second is no reason not to end.
    await shadows.flush().catch(() => undefined);
  }
}
