import { z } from 'zod';
import { duration, oneOf, path } from './setting.js';

/** Where the rows are kept. */
export const storeSchema = z.strictObject({
  kind: oneOf(['sqlite']).default('sqlite').describe('The database: the embedded SQLite.'),
  path: path().default('var/veritas.db').describe('The file of the SQLite database.'),
  pollInterval: duration('ms', 10, 3_600_000)
    .default(250)
    .describe('How often the store is asked whether another process, such as the command line, changed it.'),
});
