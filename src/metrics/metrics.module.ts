import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import { MetricsController, PublicMetricsController } from './metrics.controller.js';
import { MetricsService, READINGS } from './metrics.service.js';
import type { Readings } from './measure.js';

/** Counts the events of the other rooms from the start on, and answers `GET /metrics`. */
@Module({})
export class MetricsModule {
  static forRootAsync({
    isPublic,
    ...readings
  }: Pick<FactoryProvider<Readings>, 'inject' | 'useFactory'> & { readonly isPublic: boolean }): DynamicModule {
    return {
      module: MetricsModule,
      controllers: [isPublic ? PublicMetricsController : MetricsController],
      providers: [{ provide: READINGS, ...readings }, MetricsService],
    };
  }
}
