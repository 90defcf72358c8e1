import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CaService } from '../../src/pki/index.js';
import { TestCa } from '../../src/testing/index.js';
import { CrlReason, decodeCertificationRequest, encodePem, octetsFromPemOrDer } from '../../src/x509/index.js';
import { commandLine } from '../support/command-line.js';
import { get, type Answer } from '../support/client.js';
import { replaceFile, temporaryFolder } from '../support/folder.js';
import { developmentTls, environmentIn, getPlain, startIn } from '../support/service.js';

let folder: string;
const root = TestCa.root({ commonName: 'Offline Root' });
const path = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function veritas(...args: string[]): Promise<void> {
  const { code, err } = await commandLine(args, environmentIn(folder));
  expect({ args, code, err: code === 0 ? '' : err }).toEqual({ args, code: 0, err: '' });
}

test('a service runs below a root whose key it never had, and follows the lists that are brought in', async () => {
  await veritas('ca', 'request', '--out', path('issuing.csr'));
  const [octets] = octetsFromPemOrDer(readFileSync(path('issuing.csr')), 'CERTIFICATE REQUEST');
  const { publicKey, subject } = decodeCertificationRequest(octets);
  const keyPair = { publicKey: publicKey.keyObject, privateKey: root.key };
  writeFileSync(path('issuing.pem'), root.intermediate({ keyPair, subject, pathLenConstraint: 0 }).certificatePem);
  writeFileSync(path('root.pem'), root.certificatePem);
  await veritas('ca', 'install', '--cert', path('issuing.pem'), '--root', path('root.pem'));
  // The guard is told of the root's list besides.
  writeFileSync(path('elsewhere.crl'), root.crl());
  const settings = {
    VERITAS_MTLS_CRLS: JSON.stringify([{ source: path('elsewhere.crl') }]),
    VERITAS_MTLS_CRL_REFRESH_INTERVAL: '20ms',
  };
  const service = await startIn(folder, settings);
  try {
    const { https, repository } = service.ports;
    const call = (where: string): Promise<Answer> => get(https, where, developmentTls(folder, 'client'));
    const list = () => getPlain(repository!, '/crl/root.crl');
    const bringIn = async (der: Uint8Array): Promise<void> => {
      writeFileSync(path('root.crl'), encodePem('X509 CRL', der));
      await veritas('ca', 'install', '--crl', path('root.crl'));
      while (!(await list()).body.equals(der)) await delay(10);
    };
    expect(await call('/api/v1/test')).toMatchObject({ status: 200 });
    expect(await call('/health')).toMatchObject({
      status: 200,
      json: { parts: { crl: { state: 'warning', detail: 'no current CRL of root' } } },
    });
    expect(await list()).toMatchObject({ status: 404 });
    await bringIn(root.crl([]));
    expect(await call('/health')).toMatchObject({ status: 200, json: { parts: { crl: { state: 'up' } } } });
    const { issuing } = service.application.get(CaService, { strict: false });
    // What it revokes is revoked, though the store knows nothing of it.
    replaceFile(path('elsewhere.crl'), root.crl([{ certificate: issuing.certificate }]));
    while ((await call('/api/v1/test')).json.code !== 'certificate_revoked') await delay(10);
    const verified = await commandLine(['verify', path('certs/client_cert.pem')], environmentIn(folder, settings));
    expect(verified.out).toMatch(/FAIL {2}revocation: .* was revoked on/);
    replaceFile(path('elsewhere.crl'), root.crl());
    while ((await call('/api/v1/test')).status !== 200) await delay(10);
    await bringIn(root.crl([{ certificate: issuing.certificate, reason: CrlReason.cACompromise }]));
    expect(await call('/api/v1/test')).toMatchObject({ status: 403, json: { code: 'certificate_revoked' } });
  } finally {
    await service.close();
  }
}, 30_000);
