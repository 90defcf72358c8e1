import * as z from 'zod';
import { flag, oneOf } from './setting.js';

/** The log: lines of JSON on standard output. */
export const logSchema = z.strictObject({
  level: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('The least severe level that is logged.'),
  accessLog: flag()
    .default(false)
    .describe(
      'Whether each answered request is logged, at level info. Refusals are logged without it: of a flood a part, and how many more there were.',
    ),
});
