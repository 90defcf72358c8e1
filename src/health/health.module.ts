import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import { HEALTH_PARTS, type HealthPart } from './health-part.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';

/** Liveness and readiness by parts that the composition names. */
@Module({})
export class HealthModule {
  static forRootAsync(options: Pick<FactoryProvider<readonly HealthPart[]>, 'inject' | 'useFactory'>): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [{ provide: HEALTH_PARTS, ...options }, HealthService],
      exports: [HealthService],
    };
  }
}
