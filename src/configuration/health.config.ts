import * as z from 'zod';
import { duration } from './setting.js';

/** When the health report warns. */
export const healthSchema = z.strictObject({
  issuingExpiryWarning: duration('d', 0, 3650)
    .default(30)
    .describe('How long before the end of the issuing CA the health report warns about it.'),
});
