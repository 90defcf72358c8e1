import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { crlFileName } from '../../src/pki/crl/crl-scope.js';
import { readPublished } from '../../src/pki/index.js';
import { decodeCertificateList, verifySignature } from '../../src/x509/index.js';
import { compileProgram } from '../support/compiled-program.js';
import { fillStore } from '../support/revoked-store.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../support/temporary-authority.js';

const KILLS = Number(process.env.VERITAS_KILLS ?? 20);
// More than stays in memory: it goes through files.
const ENTRIES = 30_000;
// Of the certificates in the store none names a shard: its lists, and the delta, are small, and are signed between the large one.
const SCOPES = ['complete', 'delta', '1', '2'] as const;

let temporary: TemporaryAuthority;
beforeAll(async () => {
  temporary = await openTemporaryAuthority();
  const settings = { ...temporary.settings, crlDeltaLifetime: 3600, crlShards: 2 };
  temporary = { ...temporary, settings, authority: await temporary.reopen({ settings }) };
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
     for (;;) for (const scope of ${JSON.stringify(SCOPES)}) await crls.sign('issuing', { actor: 'test', requestId: 'killed' }, scope);`,
  );
  compileProgram(folder);
}, 60_000);
afterAll(() => temporary.close());

test(
  `of a process that is killed while it publishes, ${KILLS} times, whole lists remain, and no number is used twice`,
  async () => {
    const { authority, folder, settings, store } = temporary;
    await authority.crls.publishIfDue(somebody);
    const { publicKey } = authority.ca.issuing.certificate;
    const checked = (octets: Uint8Array, scope: string): bigint => {
      const list = decodeCertificateList(octets);
      expect(verifySignature(list.signatureAlgorithm, publicKey, list.tbs, list.signature)).toBe(true);
      expect([...list.revokedCertificates()]).toHaveLength(scope === 'complete' ? ENTRIES : 0);
      expect(list.extensions.deltaCrlIndicator !== undefined).toBe(scope === 'delta');
      return list.extensions.crlNumber ?? 0n;
    };
    const last = new Map<string, bigint>();
    const rises = (scope: string, number: bigint): void => {
      expect(number >= (last.get(scope) ?? 0n)).toBe(true);
      last.set(scope, number);
    };
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
      for (const scope of SCOPES)
        rises(scope, checked(readFileSync(join(folder, 'var/crl', crlFileName('issuing', scope))), scope));
      // As a process does that starts afterwards: what is served is what the store vouches for, or is made anew.
      const next = await temporary.reopen({ settings, create: false });
      await next.crls.publishIfDue(somebody);
      for (const scope of SCOPES)
        rises(scope, checked(await readPublished(next.crls.current('issuing', scope)!), scope));
      next.crls.close();
      await next.store.close();
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
  },
  60_000 + KILLS * 10_000,
);
