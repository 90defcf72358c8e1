import * as z from 'zod';
import { duration, oneOf, path, secret, whenObject } from './setting.js';

const url = 'postgres://user:password@host:port/database';

/** Where the rows are kept. */
export const storeSchema = z
  .strictObject({
    kind: oneOf(['sqlite', 'postgresql'])
      .exactOptional()
      .describe(
        'The database: the embedded SQLite, or PostgreSQL when `urlFile` is set. Said outright, a start with the other one is refused.',
      ),
    path: path()
      .default('var/veritas.db')
      .describe('The file of the SQLite database. Revocation lists are written beside it, whatever the database.'),
    url: secret(url)
      .refine((text) => /^postgres(?:ql)?:\/\/[^/]*\/[^/?]/.test(text) && URL.canParse(text), url)
      .exactOptional()
      .describe(
        `The PostgreSQL database (13 or later): \`${url}\`, with \`?sslmode=verify-full&sslrootcert=…\` when it is not on this machine.`,
      ),
    pollInterval: duration('ms', 10, 3_600_000)
      .default(250)
      .describe(
        'How often the store is asked whether another process, such as the command line, changed it. PostgreSQL tells at once besides.',
      ),
    unreadLimit: duration('ms', 100, 86_400_000)
      .default(30_000)
      .describe(
        'How long the guard goes on deciding by what it read last, when the store cannot be read any more. After that the status of our certificates is unknown: refused with `revocation_unknown` under `mtls.revocation: hard-fail`. More than `pollInterval`.',
      ),
  })
  .refine(({ unreadLimit, pollInterval }) => !(unreadLimit <= pollInterval), {
    path: ['unreadLimit'],
    message: 'more than store.pollInterval',
    when: whenObject,
  })
  .refine(({ kind, url }) => !(kind === 'postgresql' && url === undefined), {
    path: ['kind'],
    message: 'postgresql only with store.urlFile',
    when: whenObject,
  })
  .refine(({ kind, url }) => !(kind === 'sqlite' && url !== undefined), {
    path: ['kind'],
    message: 'sqlite only without store.urlFile',
    when: whenObject,
  });
