import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readPublished } from '../../src/pki/index.js';
import { decodeCertificateList, verifySignature } from '../../src/x509/index.js';
import { compileProgram } from '../support/compiled-program.js';
import { fillStore } from '../support/revoked-store.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../support/temporary-authority.js';

const KILLS = Number(process.env.VERITAS_KILLS ?? 20);
// More than stays in memory: it goes through files.
const ENTRIES = 30_000;

let temporary: TemporaryAuthority;
beforeAll(async () => {
  temporary = await openTemporaryAuthority();
  const { folder } = temporary;
  fillStore(join(folder, 'var/veritas.db'), { revoked: ENTRIES });
  writeFileSync(
    join(folder, 'signs.mjs'),
    `import { openStore } from './dist/store/index.js';
     import { openCertificationAuthority } from './dist/pki/certification-authority.js';
     const settings = JSON.parse(process.argv[2]);
     const store = await openStore({ path: 'var/veritas.db' });
     const { crls, ca } = await openCertificationAuthority({ settings, store });
     await ca.openKeys();
     process.stdout.write('ready');
     for (;;) await crls.sign('issuing', { actor: 'test', requestId: 'killed' });`,
  );
  compileProgram(folder);
}, 60_000);
afterAll(() => temporary.close());

test(`of a process that is killed while it publishes, ${KILLS} times, whole lists remain, and no number is used twice`, async () => {
  const { authority, folder, settings, store } = temporary;
  await authority.crls.sign('issuing', somebody);
  const { publicKey } = authority.ca.issuing.certificate;
  let last = 0n;
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, ['signs.mjs', JSON.stringify(settings)], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await delay(Math.random() * 400);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const list = decodeCertificateList(readFileSync(join(folder, 'var/crl/issuing.crl')));
    expect(verifySignature(list.signatureAlgorithm, publicKey, list.tbs, list.signature)).toBe(true);
    expect([...list.revokedCertificates()]).toHaveLength(ENTRIES);
    const number = list.extensions.crlNumber ?? 0n;
    expect(number >= last).toBe(true);
    last = number;
    // As a process does that starts afterwards: what is served is what the store vouches for, or is made anew.
    const next = await temporary.reopen({ create: false });
    await next.crls.publishIfDue(somebody);
    const served = decodeCertificateList(await readPublished(next.crls.current('issuing')!));
    expect(served.extensions.crlNumber! >= last).toBe(true);
    last = served.extensions.crlNumber!;
    next.crls.close();
  }
  const intents = await store.database
    .selectFrom('audit')
    .select('detail')
    .where('action', '=', 'crl.sign')
    .where('phase', '=', 'intent')
    .where('subject', '=', 'issuing')
    .orderBy('sequence')
    .execute();
  const numbers = intents.map(({ detail }) => Number((JSON.parse(detail) as { number: string }).number));
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  expect(numbers.length).toBeGreaterThan(KILLS);
  expect(await authority.audit.verify()).toMatchObject({ ok: true });
}, 600_000);
