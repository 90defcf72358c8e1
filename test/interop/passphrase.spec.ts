import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { csrOf, newKey, send } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { compileProgram } from '../support/compiled-program.js';
import { temporaryFolder } from '../support/folder.js';
import { developmentTls, environmentIn } from '../support/service.js';

// Each key that is opened costs a derivation that is slow by design.
const PATIENCE = 60_000;
let program: { readonly cli: string; readonly main: string };
let folder: string;
beforeAll(() => {
  const place = temporaryFolder();
  compileProgram(place);
  program = { cli: join(place, 'dist/cli.js'), main: join(place, 'dist/main.js') };
}, PATIENCE);
beforeEach(() => {
  folder = temporaryFolder();
});

/** A line of the shell in which `$VERITAS` is the command line, and the passphrase is to be had from `from`. */
function shell(line: string, from: string) {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 30_000,
    env: {
      PATH: process.env.PATH,
      VERITAS: `${process.execPath} ${program.cli}`,
      ...environmentIn(folder),
      VERITAS_PKI_PASSPHRASE_FILE: from,
    },
  });
  return { status, stdout, stderr };
}
const done = { status: 0 };

/** Has a running service certify a new key, for a token that the command line makes without any key. */
async function enroll(port: number, service: string) {
  const token = shell(`$VERITAS token --service ${service}`, '/dev/stdin').stdout.trim();
  return send(port, {
    method: 'POST',
    path: '/api/v1/certificates/enrollment',
    tls: developmentTls(folder),
    headers: { authorization: `Bearer ${token}` },
    body: { csr: csrOf(newKey(), service) },
  });
}

describe('a passphrase that comes through a pipe', () => {
  test(
    'opens every key of a command, on a descriptor, on stdin and in a fifo that is written once',
    () => {
      const descriptor = "printf 'open sesame\\n' | { $VERITAS ca init 3<&0 0</dev/null; }";
      expect(shell(descriptor, '/dev/fd/3')).toMatchObject(done);
      expect(shell("printf ' open sesame' | $VERITAS issue --service billing", '/dev/stdin')).toMatchObject(done);
      // Opens the root's key, makes one, and opens that.
      const fifo = "mkfifo -m 600 secret && { printf 'open sesame' >secret & } && $VERITAS ca rollover prepare";
      expect(shell(fifo, join(folder, 'secret'))).toMatchObject(done);
      expect(readdirSync(join(folder, 'certs/ca'))).toEqual(
        expect.arrayContaining(['root_ca.key.pem', 'issuing_ca.key.pem', 'issuing-2_ca.key.pem']),
      );
      const wrong = shell("printf 'open barley' | $VERITAS issue --service orders", '/dev/stdin');
      expect(wrong).toMatchObject({ status: 3, stderr: expect.stringContaining('/dev/stdin does not open it') });
    },
    PATIENCE,
  );

  test('that is empty, closed, endless or open to others makes no CA, and leaves no key behind', () => {
    for (const [line, from, why] of [
      ['printf "" | $VERITAS ca init', '/dev/stdin', 'is empty'],
      ['$VERITAS ca init', '/dev/fd/99', 'cannot be read (EBADF)'],
      ['$VERITAS ca init </dev/zero', '/dev/stdin', 'too large'],
      [
        'mkfifo -m 644 open && { printf x >open & } && $VERITAS ca init; cat open',
        join(folder, 'open'),
        'open to others',
      ],
    ] as const) {
      expect(shell(line, from).stderr).toContain(why);
      expect(existsSync(join(folder, 'certs/ca/root_ca.key.pem'))).toBe(false);
    }
  });

  test(
    'opens the keys of a service',
    async () => {
      const env = { PATH: process.env.PATH, ...environmentIn(folder), VERITAS_PKI_PASSPHRASE_FILE: '/dev/fd/3' };
      const service = spawn(process.execPath, [program.main], {
        cwd: folder,
        env,
        stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      });
      const ended = once(service, 'exit');
      (service.stdio[3] as Writable).end('open sesame');
      let said = '';
      for await (const chunk of service.stderr as AsyncIterable<Buffer>) {
        said += chunk.toString();
        if (said.includes('/whoami')) break;
      }
      const port = Number(/https:\/\/localhost:(\d+)/.exec(said)?.[1]);
      const health = async () => (await get(port, '/health', developmentTls(folder))).json;
      expect(await health()).toMatchObject({ status: 'healthy' });
      const issued = await enroll(port, 'billing');
      expect(issued.status).toBe(201);
      service.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    },
    PATIENCE,
  );
});
