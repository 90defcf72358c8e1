import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HEALTH_PARTS, type HealthPart } from './health-part.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';

/** Liveness and readiness by parts that the composition names. */
@Module({})
export class HealthModule {
  static forRootAsync(options: Pick<FactoryProvider<readonly HealthPart[]>, 'inject' | 'useFactory'>): DynamicModule {
    return {
      module: HealthModule,
      // Its own log line repeats what this room's says.
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [{ provide: HEALTH_PARTS, ...options }, HealthService],
      exports: [HealthService],
    };
  }
}
