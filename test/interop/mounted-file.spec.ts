import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listCertificates, openStore } from '../../src/store/index.js';
import { callerOf } from '../support/certificate-client.js';
import { commandLine } from '../support/command-line.js';
import { describeWithMounts, mountFile } from '../support/mounts.js';
import { environmentIn, startIn } from '../support/service.js';

const mend = 'it is mounted by itself, so that nothing can take its place; mount its folder';

describeWithMounts('a file that is mounted by itself, as containers have it', () => {
  let service: Awaited<ReturnType<typeof startIn>>;
  let folder: string;
  const path = (name: string): string => join(folder, name);

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

  /** What a command says while a file is mounted, which asks for no certificate. */
  async function refusal(name: string, run: () => ReturnType<typeof commandLine>): Promise<string> {
    const unmount = mountFile(path(name));
    const before = await serialNumbers();
    const { code, err } = await run();
    expect([code, await serialNumbers()]).toEqual([3, before]);
    unmount();
    return err;
  }

  beforeAll(async () => {
    service = await startIn();
    folder = join(realpathSync(service.folder), 'a client');
    mkdirSync(folder);
    const { chainPem, key } = await callerOf(service, 'veritas-worker', 'service');
    writeFileSync(path('worker.pem'), chainPem, { mode: 0o600 });
    writeFileSync(path('worker.key'), key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  });
  afterAll(() => service.close());

  test.each(['worker.pem', 'worker.key'])(
    'has no certificate asked for that could not take the place of %s',
    async (name) => {
      const trust = ['--ca', join(service.folder, 'certs/ca_bundle.pem')];
      const files = ['--cert', path('worker.pem'), '--key', path('worker.key')];
      const where = ['--url', `https://localhost:${service.ports.https}`];
      const said = await refusal(name, () => commandLine(['renew', ...files, ...trust, ...where, '--force'], {}));
      expect(said).toContain(`veritas: ${path(name)} cannot be written (EBUSY): ${mend}\n`);
    },
  );

  test('has none issued into it', async () => {
    const issue = ['issue', '--service', 'orders', '--cert', path('worker.pem'), '--key', path('new.key')];
    const said = await refusal('worker.pem', () => commandLine(issue, environmentIn(service.folder)));
    expect(said).toBe(`veritas: ${path('worker.pem')} cannot be written (EBUSY): ${mend}\n`);
  });
});
