import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { listCertificates, openStore } from '../../src/store/index.js';
import { callerOf } from '../support/certificate-client.js';
import { commandLine } from '../support/command-line.js';
import { environmentIn, startIn } from '../support/service.js';

const mend = 'it is mounted by itself, so that nothing can take its place; mount its folder';

/*
 * Files that are mounted by themselves, as containers have them: nothing can be renamed over one. Needs a superuser who may mount.
 */
let service: Awaited<ReturnType<typeof startIn>>;
let folder: string;
const mounted: string[] = [];
const path = (name: string): string => join(folder, name);

function mountOn(name: string): void {
  writeFileSync(path(`${name}.source`), readFileSync(path(name)), { mode: 0o600 });
  execFileSync('mount', ['--bind', path(`${name}.source`), path(name)]);
  mounted.push(path(name));
}

/** Those of certificates that were asked for: the CA certifies its OCSP responders by itself, whenever it is time. */
async function serialNumbers(): Promise<string[]> {
  const store = await openStore({ path: join(service.folder, 'var/veritas.db'), readOnly: true });
  try {
    const { rows } = await listCertificates(store.database);
    return rows.filter(({ profile }) => profile !== 'ocsp-responder').map(({ serial }) => serial);
  } finally {
    await store.close();
  }
}

beforeAll(async () => {
  service = await startIn();
  folder = join(realpathSync(service.folder), 'a client');
  mkdirSync(folder);
  const { chainPem, key } = await callerOf(service, 'veritas-worker', 'service');
  writeFileSync(path('worker.pem'), chainPem, { mode: 0o600 });
  writeFileSync(path('worker.key'), key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
});
afterEach(() => {
  for (const file of mounted.splice(0)) execFileSync('umount', [file]);
});
afterAll(() => service.close());

test.each(['worker.pem', 'worker.key'])(
  'no certificate is asked for that could not take the place of %s',
  async (name) => {
    mountOn(name);
    const before = await serialNumbers();
    const where = [
      '--ca',
      join(service.folder, 'certs/ca_bundle.pem'),
      '--url',
      `https://localhost:${service.ports.https}`,
    ];
    const files = ['--cert', path('worker.pem'), '--key', path('worker.key')];
    const { code, err } = await commandLine(['renew', ...files, ...where, '--force'], {});
    expect([code, err]).toEqual([
      3,
      expect.stringContaining(`veritas: ${path(name)} cannot be written (EBUSY): ${mend}\n`),
    ]);
    expect(await serialNumbers()).toEqual(before);
  },
);

test('nor is one issued into a file that is mounted by itself', async () => {
  mountOn('worker.pem');
  const before = await serialNumbers();
  const files = ['--cert', path('worker.pem'), '--key', path('new.key')];
  const { code, err } = await commandLine(['issue', '--service', 'orders', ...files], environmentIn(service.folder));
  expect([code, err]).toEqual([3, `veritas: ${path('worker.pem')} cannot be written (EBUSY): ${mend}\n`]);
  expect(await serialNumbers()).toEqual(before);
});
