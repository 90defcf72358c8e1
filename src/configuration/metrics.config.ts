import * as z from 'zod';
import { flag } from './setting.js';

/** Access to the metrics. */
export const metricsSchema = z.strictObject({
  public: flag()
    .default(false)
    .describe('Whether anyone may read `GET /metrics`. Otherwise only services with the role `metrics` may.'),
});
