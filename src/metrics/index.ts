export type { Readings } from './measure.js';
export { MetricsModule } from './metrics.module.js';
