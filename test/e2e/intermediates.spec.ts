import { expect, test } from '@jest/globals';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TestCa } from '../../src/testing/index.js';
import { get, RawConnection } from '../support/client.js';
import { replaceFile, temporaryFolder } from '../support/folder.js';
import { developmentTls, startIn } from '../support/service.js';

test('CA certificates for clients that send their own alone are taken up, and given up, when their file changes', async () => {
  const folder = temporaryFolder();
  const [roots, between] = [join(folder, 'root.pem'), join(folder, 'between.pem')];
  const root = TestCa.root();
  const [first, second] = [root.intermediate({ commonName: 'First' }), root.intermediate({ commonName: 'Second' })];
  writeFileSync(roots, root.certificatePem);
  writeFileSync(between, first.certificatePem);
  const service = await startIn(folder, {
    VERITAS_TLS_CA_FILE: roots,
    VERITAS_MTLS_INTERMEDIATES_FILE: between,
    VERITAS_MTLS_REVOCATION: 'off',
  });
  try {
    const { https: port } = service.ports;
    const [one, two] = [first, second].map((ca) => {
      const { certificatePem: cert, keyPem: key } = ca.issue();
      return { ...developmentTls(folder), cert, key };
    });
    const codeOf = async (client = one): Promise<unknown> => {
      const { status, json } = await get(port, '/api/v1/whoami', client!);
      return status === 200 ? 'let in' : json.code;
    };
    expect([await codeOf(one), await codeOf(two)]).toEqual(['let in', 'untrusted_issuer']);
    const open = await RawConnection.open(port, one!);
    await open.get('/api/v1/whoami');
    replaceFile(between, second.certificatePem);
    while ((await codeOf(two)) !== 'let in') await delay(5);
    expect(await codeOf(one)).toBe('untrusted_issuer');
    await open.untilClosed();
    // What cannot be read, or is gone, changes nothing.
    replaceFile(between, 'garbage');
    await delay(100);
    rmSync(between);
    await delay(100);
    expect([await codeOf(one), await codeOf(two)]).toEqual(['untrusted_issuer', 'let in']);
    writeFileSync(between, first.certificatePem + second.certificatePem);
    while ((await codeOf(one)) !== 'let in') await delay(5);
    expect(await codeOf(two)).toBe('let in');
  } finally {
    await service.close();
    rmSync(folder, { recursive: true });
  }
});

test('with mtls.presentedIntermediates a client brings its own', async () => {
  const folder = temporaryFolder();
  const roots = join(folder, 'root.pem');
  const root = TestCa.root();
  const { chainPem: cert, certificatePem, keyPem: key } = root.intermediate().issue();
  writeFileSync(roots, root.certificatePem);
  const environment = { VERITAS_TLS_CA_FILE: roots, VERITAS_MTLS_REVOCATION: 'off' };
  const service = await startIn(folder, { ...environment, VERITAS_MTLS_PRESENTED_INTERMEDIATES: 'true' });
  try {
    const statusOf = async (chain: string): Promise<number> =>
      (await get(service.ports.https, '/api/v1/whoami', { ...developmentTls(folder), cert: chain, key })).status;
    expect([await statusOf(certificatePem), await statusOf(cert)]).toEqual([403, 200]);
  } finally {
    await service.close();
    rmSync(folder, { recursive: true });
  }
});
