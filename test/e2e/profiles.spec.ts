import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CaService, requestFor, type IssueRequest } from '../../src/pki/index.js';
import { generalNameFromString, generalNameToString, KeyUsage, Oid, TlsFeature } from '../../src/x509/index.js';
import { callerOf, csrOf, send, withCertificate, type Caller } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { temporaryFolder } from '../support/folder.js';
import { startIn } from '../support/service.js';

const PROFILES = [
  {
    name: 'batch',
    purposes: ['clientAuth'],
    lifetime: '30m',
    maximumLifetime: '1h',
    keyTypes: ['P-256', 'RSA'],
    minimumRsaBits: 3072,
    names: { dns: ['.batch.example.org'], ip: [], uri: [] },
  },
  { name: 'short', purposes: ['clientAuth'], maximumLifetime: '1d', noRevocation: true },
  {
    name: 'elsewhere',
    purposes: ['serverAuth'],
    maximumLifetime: '1d',
    backdate: '10s',
    keyUsages: ['digitalSignature', 'keyAgreement'],
    publicationUrl: 'http://crl.example.org/pki',
  },
  { name: 'stapled', purposes: ['serverAuth'], maximumLifetime: '90d', mustStaple: true },
];
let service: Awaited<ReturnType<typeof startIn>>;
beforeAll(async () => {
  service = await startIn(temporaryFolder(), { VERITAS_PKI_PROFILES: JSON.stringify(PROFILES) });
});
afterAll(() => service.close());

const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const issue = (profile: string, names: readonly string[] = [], more: Partial<IssueRequest> = {}, key = p256()) =>
  service.application.get(CaService, { strict: false }).issue({
    request: requestFor(key, 'worker'),
    profile,
    service: 'worker',
    names: names.map((text) => generalNameFromString(text)).filter((name) => name !== undefined),
    requester: { actor: 'test', requestId: 'test', standing: 'operator' },
    ...more,
  });

describe("a profile of the operator's own", () => {
  test('gives what it says', async () => {
    const { certificate } = await issue('batch', ['DNS:a.batch.example.org']);
    expect(certificate.notAfter.getTime() - certificate.notBefore.getTime()).toBe((30 * 60 + 600) * 1000);
    expect(certificate.extensions.subjectAltName?.map(generalNameToString)).toEqual([
      'DNS:worker',
      'DNS:a.batch.example.org',
    ]);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['another domain', () => issue('batch', ['DNS:batch.example.com']), 'name_not_allowed'],
    ['a kind of name that it does not give', () => issue('batch', ['IP:10.0.0.1']), 'name_not_allowed'],
    ['a longer life', () => issue('batch', [], { lifetime: 3601 }), 'lifetime_not_allowed'],
    [
      'another kind of key',
      () => issue('batch', [], {}, generateKeyPairSync('ed25519').privateKey),
      'public_key_not_allowed',
    ],
    [
      'a shorter RSA key',
      () => issue('batch', [], {}, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
      'public_key_not_allowed',
    ],
    ['a profile that is not there', () => issue('batch2'), 'profile_unknown'],
  ])('%s: refused', async (_, attempt, code) => {
    await expect(attempt()).rejects.toMatchObject({ code });
  });
});

test('a profile may backdate by itself, use keys otherwise, and be published elsewhere', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const expected = [
    [p256(), [KeyUsage.digitalSignature, KeyUsage.keyAgreement]],
    [rsa, [KeyUsage.digitalSignature]],
    [generateKeyPairSync('ed25519').privateKey, [KeyUsage.digitalSignature]],
  ] as const;
  for (const [key, usages] of expected) {
    const { certificate } = await issue('elsewhere', [], {}, key);
    expect([...(certificate.extensions.keyUsage ?? [])]).toEqual(usages);
    expect(certificate.notAfter.getTime() - certificate.notBefore.getTime()).toBe((86_400 + 10) * 1000);
    const { crlDistributionPoints, authorityInfoAccess } = certificate.extensions;
    expect(JSON.stringify(crlDistributionPoints)).toContain('"http://crl.example.org/pki/crl/issuing.crl"');
    expect(JSON.stringify(authorityInfoAccess)).toContain('"http://crl.example.org/pki/ca/issuing.cer"');
  }
  const usual = await issue('server', [], {}, rsa);
  expect([...(usual.certificate.extensions.keyUsage ?? [])]).toEqual([
    KeyUsage.digitalSignature,
    KeyUsage.keyEncipherment,
  ]);
});

describe('noRevocation and mustStaple', () => {
  test('what says that nothing is published about it passes our guard, until it is revoked here', async () => {
    const key = p256();
    const { certificate, chainPem } = await issue('short', [], {
      service: 'veritas-worker',
      request: requestFor(key, 'veritas-worker'),
    });
    expect(certificate.extensions.all.has(Oid.noRevAvail)).toBe(true);
    const { tls } = withCertificate(service.folder, key, chainPem);
    const call = () => get(service.ports.https, '/api/v1/test', tls);
    expect((await call()).status).toBe(200);
    await service.application
      .get(CaService, { strict: false })
      .revoke({ serialNumber: certificate.serialNumber, requester: { actor: 'test', requestId: 'test' } });
    const after = await call();
    expect([after.status, after.json.code]).toEqual([403, 'certificate_revoked']);
  });

  test('who must staple says so', async () => {
    const { certificate } = await issue('stapled');
    expect(certificate.extensions.tlsFeature).toEqual([TlsFeature.statusRequest]);
  });
});

describe('profiles of who signs in the name of the CA', () => {
  const path = '/api/v1/certificates';
  const ask = (caller: Caller, body: object) =>
    send(service.ports.https, { method: 'POST', path, tls: caller.tls, body });

  test.each(['ocsp-responder', 'crl-issuer'])('%s: an administrator has it, a holder has not', async (profile) => {
    const [admin, worker] = [await callerOf(service, 'admin-client'), await callerOf(service, 'veritas-worker')];
    const given = await ask(admin, { csr: csrOf(p256(), 'responder'), profile });
    expect(given.status).toBe(201);
    const refused = await ask(worker, { csr: csrOf(p256(), 'veritas-worker'), profile });
    expect([refused.status, refused.json.code]).toEqual([403, 'not_the_holder']);
  });

  test('intermediate: nobody has it over HTTP', async () => {
    const answer = await ask(await callerOf(service, 'admin-client'), {
      csr: csrOf(p256(), 'a'),
      profile: 'intermediate',
    });
    expect([answer.status, answer.json.code]).toEqual([400, 'profile_unknown']);
  });
});

describe('the profile spiffe', () => {
  test('has one SPIFFE ID and nothing else among its names', async () => {
    const { certificate } = await issue('spiffe', ['URI:spiffe://example.org/ns/prod/worker']);
    expect(certificate.extensions.subjectAltName?.map(generalNameToString)).toEqual([
      'URI:spiffe://example.org/ns/prod/worker',
    ]);
  });

  test.each([
    [[]],
    [['URI:spiffe://example.org/a', 'URI:spiffe://example.org/b']],
    [['URI:spiffe://example.org/a', 'DNS:worker.local']],
    [['URI:https://example.org/a']],
  ])('%j: refused', async (names) => {
    await expect(issue('spiffe', names)).rejects.toMatchObject({ code: 'name_not_allowed' });
  });
});

test.each<[string, object, RegExp]>([
  ['a lifetime over its maximum', { lifetime: '2h', maximumLifetime: '1h' }, /pki\.profiles.*lifetime/s],
  ['an unknown purpose', { purposes: ['codeSigning'] }, /pki\.profiles.*purposes/s],
  ['a rule that gives everything', { names: { dns: ['*'] } }, /pki\.profiles.*names/s],
  [
    'a SPIFFE profile that gives no URI',
    { identity: 'spiffe', names: { uri: [] } },
    /pki\.profiles.*names\.uri.*spiffe:\/\//s,
  ],
  ['the name of a CA', { name: 'root' }, /pki\.profiles.*name.*another name than root/s],
  [
    'a key that signs nothing',
    { keyUsages: ['keyAgreement'] },
    /pki\.profiles.*keyUsages.*digitalSignature among them/s,
  ],
  ['a list behind https', { publicationUrl: 'https://a.example' }, /pki\.profiles.*publicationUrl.*an http URL/s],
  [
    'no revocation for longer than a week',
    { maximumLifetime: '8d', noRevocation: true },
    /pki\.profiles.*noRevocation.*maximumLifetime up to 7d/s,
  ],
  [
    'a stapled answer about what is not published',
    { purposes: ['serverAuth'], noRevocation: true, mustStaple: true },
    /pki\.profiles.*mustStaple.*not with noRevocation/s,
  ],
  ['stapling by a client', { mustStaple: true }, /pki\.profiles.*mustStaple.*serverAuth/s],
])('%s stops the start, and says where', async (_, change, message) => {
  const profiles = [{ ...PROFILES[0], ...change }];
  await expect(async () =>
    startIn(temporaryFolder(), { VERITAS_PKI_PROFILES: JSON.stringify(profiles) }),
  ).rejects.toThrow(message);
});
