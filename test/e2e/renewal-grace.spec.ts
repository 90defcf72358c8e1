import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CaService, requestFor } from '../../src/pki/index.js';
import { TestCa } from '../../src/testing/index.js';
import { decodeCertificate, decodePem } from '../../src/x509/index.js';
import { csrOf, newKey, send, withCertificate, type Caller } from '../support/certificate-client.js';
import { RawConnection, get } from '../support/client.js';
import { replaceFile, temporaryFolder } from '../support/folder.js';
import { startIn } from '../support/service.js';

const PATH = '/api/v1/certificates';
type Service = Awaited<ReturnType<typeof startIn>>;
const requester = { actor: 'test', requestId: 'test', standing: 'operator' } as const;
const caOf = (service: Service): CaService => service.application.get(CaService, { strict: false });
const refusal = ({ status, json }: { status: number; json: Record<string, unknown> }) => [status, json.code];
const renew = (service: Service, { tls }: Pick<Caller, 'tls'>, path = `${PATH}/renewal`) =>
  send(service.ports.https, { method: 'POST', path, tls, body: { csr: csrOf(newKey(), 'veritas-worker') } });

// Seconds: long enough for a first request on a machine that does other things as well.
const LIFETIME = 2;

/** A caller whose certificate is over soon. */
async function shortLived(service: Service): Promise<Caller> {
  const key = newKey();
  const request = requestFor(key, 'veritas-worker');
  const { chainPem, certificate } = await caOf(service).issue({
    request,
    profile: 'client',
    lifetime: LIFETIME,
    requester,
  });
  return { ...withCertificate(service.folder, key, chainPem), serialNumber: certificate.serialNumber };
}

async function untilOver({ chainPem }: Pick<Caller, 'chainPem'>): Promise<void> {
  const { notAfter } = decodeCertificate(decodePem(chainPem)[0]?.octets ?? new Uint8Array());
  for (let left = 1; left > 0; left = notAfter.getTime() + 1 - Date.now()) await delay(Math.max(left, 1));
}

describe('within the grace', () => {
  let service: Service;
  let other: TestCa;
  beforeAll(async () => {
    service = await startIn(temporaryFolder(), {
      VERITAS_PKI_RENEWAL_GRACE: '1h',
      VERITAS_MTLS_REVOCATION: 'soft-fail',
    });
    other = TestCa.root();
    const bundle = join(service.folder, 'certs/ca_bundle.pem');
    replaceFile(bundle, readFileSync(bundle, 'utf8') + other.certificatePem);
  });
  afterAll(() => service.close());

  test('an expired certificate renews itself, and does nothing else', async () => {
    const old = await shortLived(service);
    // On this connection it was good, and is known as such.
    const connection = await RawConnection.open(service.ports.https, old.tls);
    expect((await connection.get('/api/v1/whoami')).status).toBe(200);
    await untilOver(old);
    expect(refusal(await connection.get('/api/v1/whoami'))).toEqual([403, 'certificate_expired']);
    expect(refusal(await get(service.ports.https, '/api/v1/test', old.tls))).toEqual([403, 'certificate_expired']);
    expect(refusal(await renew(service, old, PATH))).toEqual([403, 'certificate_expired']);
    expect(refusal(await renew(service, old, `${PATH}/${old.serialNumber}/revocation`))).toEqual([
      403,
      'certificate_expired',
    ]);
    const renewed = await renew(service, old);
    expect(renewed.status).toBe(201);
    // As short as the old one was: no longer life comes of it.
    const [leaf] = decodePem(String(renewed.json.chain)).map(({ octets }) => decodeCertificate(octets));
    expect((leaf?.notAfter.getTime() ?? 0) - (leaf?.notBefore.getTime() ?? 0)).toBe((600 + LIFETIME) * 1000);
  });

  test('revoked it is refused, before its end or after', async () => {
    for (const when of ['before', 'after']) {
      const old = await shortLived(service);
      const revoke = () => caOf(service).revoke({ serialNumber: old.serialNumber, reason: 'keyCompromise', requester });
      if (when === 'before') await revoke();
      await untilOver(old);
      if (when === 'after') await revoke();
      expect([when, refusal(await renew(service, old))]).toEqual([when, [403, 'certificate_revoked']]);
    }
  });

  test('an expired certificate of another CA is nobody here', async () => {
    const notAfter = new Date(Date.now() - 60_000);
    const { chainPem, certificatePem, key } = other.issue({ commonName: 'veritas-worker', notAfter });
    const { tls } = withCertificate(service.folder, key, chainPem || certificatePem);
    let answer = await renew(service, { tls });
    // Until the new bundle is taken up.
    for (; refusal(answer)[1] === 'untrusted_issuer'; answer = await renew(service, { tls })) await delay(10);
    expect(refusal(answer)).toEqual([403, 'not_the_holder']);
  });

  test('and an expired certificate that leads nowhere is untrusted', async () => {
    const stranger = TestCa.root().issue({ commonName: 'veritas-worker', notAfter: new Date(Date.now() - 60_000) });
    const { tls } = withCertificate(service.folder, stranger.key, stranger.certificatePem);
    expect(refusal(await renew(service, { tls }))).toEqual([403, 'untrusted_issuer']);
  });
});

test('after the grace, and without one, it is refused as everywhere', async () => {
  for (const grace of ['1s', '0s']) {
    const service = await startIn(temporaryFolder(), { VERITAS_PKI_RENEWAL_GRACE: grace });
    const old = await shortLived(service);
    await untilOver(old);
    if (grace === '1s') await delay(1001);
    expect([grace, refusal(await renew(service, old))]).toEqual([grace, [403, 'certificate_expired']]);
    await service.close();
  }
});
