import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import { HEALTH_PARTS, type HealthPart } from './health-part.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';

/** The health report, over the parts that the application module supplies. */
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
