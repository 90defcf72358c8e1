import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { services } from '../../src/mtls/index.js';
import { TestCa } from '../../src/testing/index.js';
import { clientTls, RawConnection, type TlsVersion } from '../support/client.js';
import { replaceFile, temporaryFolder } from '../support/folder.js';
import { LogLines, startGuardedApp, type GuardedApp } from '../support/guarded-app.js';

const HOUR = 3_600_000;
const root = TestCa.root();
const issuing = root.intermediate();
const folder = temporaryFolder();
const crl = join(folder, 'issuing.crl');
let clock = Date.now();
let allowed = services('billing', 'orders');
let nodes: GuardedApp[];

beforeAll(async () => {
  writeFileSync(join(folder, 'root.crl'), root.crl());
  writeFileSync(crl, issuing.crl());
  const ticketKeysFile = join(folder, 'ticket_keys');
  writeFileSync(ticketKeysFile, randomBytes(48), { mode: 0o600 });
  const options = {
    revocation: { crls: [{ source: join(folder, 'root.crl') }, { source: crl }], refreshInterval: 20 },
    services: (...about: Parameters<typeof allowed>) => allowed(...about),
    clock: () => new Date(clock),
  };
  nodes = [
    await startGuardedApp(issuing, options, { ticketKeysFile }),
    await startGuardedApp(issuing, options, { ticketKeysFile }),
  ];
});
afterAll(() => Promise.all(nodes.map(({ app }) => app.close())));

/** Visits the first node with `client`, then, after `between`, the second with the session alone; the answer there. */
async function moveOn(client: ReturnType<TestCa['issue']>, version: TlsVersion, between: () => unknown) {
  const [first, second] = nodes as [GuardedApp, GuardedApp];
  const connection = await RawConnection.open(first.port, clientTls(issuing, client, version));
  expect((await connection.get('/orders')).status).toBe(200);
  const session = connection.sessions.at(-1) ?? connection.socket.getSession();
  connection.close();
  await between();
  const resumed = await RawConnection.open(second.port, {
    ...clientTls(issuing, undefined, version),
    ...(session ? { session } : {}),
  });
  expect(resumed.socket.isSessionReused()).toBe(true);
  const answer = await resumed.get('/orders');
  resumed.close();
  return answer;
}

describe.each<TlsVersion>(['TLSv1.2', 'TLSv1.3'])('%s: a session of one node, resumed at another', (version) => {
  test('is the same service', async () => {
    const answer = await moveOn(issuing.issue({ commonName: 'orders' }), version, () => undefined);
    expect([answer.status, answer.json.service]).toEqual([200, 'orders']);
  });

  test('is refused when the certificate was revoked meanwhile', async () => {
    const client = issuing.issue({ commonName: 'billing' });
    const answer = await moveOn(client, version, async () => {
      const before = LogLines.shared.events('crl_loaded').length;
      replaceFile(crl, issuing.crl([{ certificate: client.certificate }]));
      // Each node says so once.
      while (LogLines.shared.events('crl_loaded').length < before + 2) await LogLines.shared.next('crl_loaded');
    });
    expect(answer.json.code).toBe('certificate_revoked');
  });

  test('is refused when the certificate expired meanwhile', async () => {
    const client = issuing.issue({ commonName: 'billing', notAfter: new Date(Date.now() + HOUR) });
    try {
      const answer = await moveOn(client, version, () => (clock += 2 * HOUR));
      expect(answer.json.code).toBe('certificate_expired');
    } finally {
      clock = Date.now();
    }
  });

  test('is refused when the service was disabled meanwhile', async () => {
    try {
      const answer = await moveOn(
        issuing.issue({ commonName: 'billing' }),
        version,
        () => (allowed = services('orders')),
      );
      expect(answer.json.code).toBe('service_not_allowed');
    } finally {
      allowed = services('billing', 'orders');
    }
  });
});
