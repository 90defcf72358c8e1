import * as z from 'zod';
import { duration, oneOf, path, secret, whenObject } from './setting.js';

const url = 'postgres://user:password@host:port/database';

/** Where the rows are kept. */
export const storeSchema = z
  .strictObject({
    kind: oneOf(['sqlite', 'postgresql'])
      .exactOptional()
      .describe(
        'The database. When absent: PostgreSQL if `urlFile` is set, otherwise the embedded SQLite. When set, it must agree with `urlFile`, or the start is refused.',
      ),
    path: path()
      .default('var/veritas.db')
      .describe(
        'The file of the SQLite database. Revocation lists are written into the same folder, with PostgreSQL as well.',
      ),
    url: secret(url)
      .refine((text) => /^postgres(?:ql)?:\/\/[^/]*\/[^/?]/.test(text) && URL.canParse(text), url)
      .exactOptional()
      .describe(
        `The PostgreSQL database (13 or later): \`${url}\`, with \`?sslmode=verify-full&sslrootcert=…\` when it is on another machine.`,
      ),
    pollInterval: duration('ms', 10, 3_600_000)
      .default(250)
      .describe(
        'How often the service checks whether another process, such as the command line, changed the store. PostgreSQL also notifies it at once.',
      ),
    unreadLimit: duration('ms', 100, 86_400_000)
      .default(30_000)
      .describe(
        'How long the guard relies on what it read last when the store becomes unreadable. After that the revocation status of our certificates is unknown, and with `mtls.revocation: hard-fail` they are refused with `revocation_unknown`. More than `pollInterval`.',
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
