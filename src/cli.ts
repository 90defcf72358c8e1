import { once } from 'node:events';
import { runCommandLine } from './commands/index.js';
import { PACKAGE_VERSION } from './package-version.js';

/**
 * Set once nobody reads our output any more: 0 when the reader went away, as in `veritas list | head`, which is no failure; 3 when it cannot be
 * written.
 */
let unread: 0 | 3 | undefined;

// Work that has begun is finished all the same: a revocation gets its list signed, and a daemon keeps running.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  unread ??= error.code === 'EPIPE' ? 0 : 3;
  if (error.code !== 'EPIPE') {
    const message = `the result cannot be written (${error.code ?? error.message})`;
    const isJson = process.argv.includes('--json');
    const json = JSON.stringify({ error: { code: 'unusable', message, mend: null } });
    process.stderr.write(isJson ? `${json}\n` : `veritas: ${message}\n`);
  }
  process.exitCode ||= unread;
});
// There is nobody left to be told.
process.stderr.on('error', () => undefined);

const exitCode = await runCommandLine(process.argv.slice(2), {
  streams: {
    out: (text) => {
      if (unread === undefined) process.stdout.write(text);
    },
    err: (text) => process.stderr.write(text),
    errIsTerminal: process.stderr.isTTY,
    outIsTerminal: process.stdout.isTTY,
    drained: async () => {
      if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain').catch(() => undefined);
      // Between two pieces of a result nothing is under way except the next piece.
      if (unread !== undefined) process.exit(unread);
    },
  },
  environment: process.env,
  input: () => {
    if (process.stdin.isTTY) process.stderr.write('veritas: reading what you type, up to Ctrl+D\n');
    return process.stdin;
  },
  version: PACKAGE_VERSION,
  now: () => new Date(),
  routes: async (configuration) => (await import('./bindings/described-routes.js')).describedRoutes(configuration),
});
process.exitCode = exitCode || unread;
