import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeName, Oid } from '../../src/x509/index.js';
import { TestCa, type Issued, type TestKeyType } from '../../src/testing/index.js';
import { clientTls, get, PROTOCOLS } from '../support/client.js';
import { temporaryFolder, writeFiles } from '../support/folder.js';
import { LogLines, startGuardedApp, type GuardedApp } from '../support/guarded-app.js';

const ONE = { perSecond: 0.001, burst: 1 };
const HOUR = 3_600_000;
const root = TestCa.root();
const issuing = root.intermediate({ pathLenConstraint: 0 });
const stranger = TestCa.root();
const elsewhere = root.intermediate({ organization: 'Somebody Else', commonName: 'Other Issuing CA' });
const double = root.intermediate({
  subject: encodeName(['VERITAS Framework', 'Somebody Else'].map((value) => [{ type: Oid.organizationName, value }])),
});
const billing = issuing.issue({ commonName: 'billing' });
const revoked = issuing.issue({ commonName: 'billing' });

let guarded: GuardedApp;
let uncovered: GuardedApp;
let broken: GuardedApp;
let exhausted: GuardedApp;

beforeAll(async () => {
  const folder = temporaryFolder();
  const files = writeFiles(folder, {
    'root.crl': root.crl(),
    'issuing.crl': issuing.crl([{ certificate: revoked.certificate, reason: 1 }]),
    'elsewhere.crl': elsewhere.crl(),
  });
  const crls = Object.values(files).map((source) => ({ source }));
  const intermediates = issuing.chainPem + elsewhere.chainPem + double.chainPem;
  guarded = await startGuardedApp(issuing, {
    intermediates,
    issuerOrganization: 'VERITAS Framework',
    revocation: { crls },
  });
  uncovered = await startGuardedApp(issuing, { revocation: { crls: [{ source: files['root.crl'] }] } });
  // One request in a quarter of an hour, and that is over.
  exhausted = await startGuardedApp(issuing, { rates: { of: () => ONE } });
  await get(exhausted.port, '/orders', clientTls(issuing, billing));
  broken = await startGuardedApp(issuing, {
    services: () => {
      throw new Error('the secret reason');
    },
  });
});

afterAll(async () => {
  for (const { app } of [guarded, uncovered, broken, exhausted]) await app.close();
});

const ago = (hours: number): Date => new Date(Date.now() - hours * HOUR);

interface Row {
  readonly code: string;
  readonly status: number;
  readonly why: string;
  readonly client: () => Pick<Issued, 'chainPem' | 'keyPem'> | undefined;
  readonly path?: string;
  readonly app?: () => GuardedApp;
}

/** A certificate that OpenSSL takes for its handshake, and our reader refuses: a NUL inside a DNS name. */
function malformed(): Pick<Issued, 'chainPem' | 'keyPem'> {
  return issuing.issueRaw({ commonName: 'billing', names: [{ kind: 'dns', value: 'billing\0.example' }] });
}

const TABLE: readonly Row[] = [
  { code: 'client_certificate_required', status: 401, why: 'no certificate', client: () => undefined },
  { code: 'client_certificate_malformed', status: 400, why: 'a NUL in a DNS name', client: malformed },
  {
    code: 'untrusted_issuer',
    status: 403,
    why: 'a CA that nobody knows',
    client: () => stranger.issue({ commonName: 'billing' }),
  },
  {
    code: 'untrusted_issuer',
    status: 403,
    why: 'expired, of a CA that nobody knows',
    client: () => stranger.issue({ commonName: 'billing', notBefore: ago(2), notAfter: ago(1) }),
  },
  {
    code: 'certificate_expired',
    status: 403,
    why: 'until an hour ago, and serverAuth only',
    client: () =>
      issuing.issue({ commonName: 'billing', notBefore: ago(2), notAfter: ago(1), purposes: [Oid.serverAuth] }),
  },
  {
    code: 'certificate_not_yet_valid',
    status: 403,
    why: 'from tomorrow',
    client: () => issuing.issue({ commonName: 'billing', notBefore: ago(-1) }),
  },
  {
    code: 'certificate_expired',
    status: 403,
    why: 'until an hour ago',
    client: () => issuing.issue({ commonName: 'billing', notBefore: ago(2), notAfter: ago(1) }),
  },
  {
    code: 'wrong_issuer',
    status: 403,
    why: 'another organization, same root',
    client: () => elsewhere.issue({ commonName: 'billing' }),
  },
  {
    code: 'wrong_issuer',
    status: 403,
    why: 'another organization, beside ours',
    client: () => double.issue({ commonName: 'billing' }),
  },
  {
    code: 'wrong_issuer',
    status: 403,
    why: 'another organization, and serverAuth only',
    client: () => elsewhere.issue({ commonName: 'billing', purposes: [Oid.serverAuth] }),
  },
  {
    code: 'wrong_key_usage',
    status: 403,
    why: 'no extended key usage at all',
    client: () => issuing.issue({ commonName: 'billing', without: [Oid.extendedKeyUsage] }),
  },
  {
    code: 'wrong_key_usage',
    status: 403,
    why: 'any extended key usage',
    client: () => issuing.issue({ commonName: 'billing', purposes: [Oid.anyExtendedKeyUsage] }),
  },
  {
    code: 'wrong_key_usage',
    status: 403,
    why: 'a CA certificate as a client',
    client: () => {
      const ca = issuing.root.intermediate({ commonName: 'billing' });
      return { chainPem: ca.certificatePem, keyPem: ca.keyPem };
    },
  },
  {
    code: 'wrong_key_usage',
    status: 403,
    why: 'serverAuth only',
    client: () => issuing.issue({ commonName: 'billing', purposes: [Oid.serverAuth] }),
  },
  { code: 'certificate_revoked', status: 403, why: 'on the CRL', client: () => revoked },
  { code: 'revocation_unknown', status: 403, why: 'no CRL of the issuer', client: () => billing, app: () => uncovered },
  {
    code: 'service_not_allowed',
    status: 403,
    why: 'a stranger of our own CA',
    client: () => issuing.issue({ commonName: 'stranger' }),
  },
  {
    code: 'service_not_allowed',
    status: 403,
    why: 'two common names',
    client: () =>
      issuing.issue({
        subject: encodeName([
          [{ type: Oid.commonName, value: 'billing' }],
          [{ type: Oid.commonName, value: 'orders' }],
        ]),
      }),
  },
  {
    code: 'route_not_allowed',
    status: 403,
    why: 'another service’s route',
    client: () => issuing.issue({ commonName: 'orders' }),
    path: '/billing',
  },
  { code: 'rate_limited', status: 429, why: 'over its rate', client: () => billing, app: () => exhausted },
  { code: 'validation_failed', status: 500, why: 'a policy that throws', client: () => billing, app: () => broken },
];

describe.each(PROTOCOLS)('over %s and %s', (tlsVersion, httpVersion) => {
  test.each(TABLE)('$code ($status): $why', async ({ code, status, client, path = '/orders', app = () => guarded }) => {
    const answer = await get(app().port, path, clientTls(issuing, client(), tlsVersion), httpVersion);
    expect([answer.status, answer.json.code]).toEqual([status, code]);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json).toMatchObject({
      status,
      status_code: status,
      type: `urn:veritas:problem:${code}`,
      request_id: expect.any(String),
    });
    // One sentence, which the detail begins with.
    expect(answer.json.error).toMatch(/^[A-Z][^.]*\.$/);
    expect(answer.json.detail).toMatch(/^[A-Z][^.]*\. [A-Z]/);
    expect(String(answer.json.detail).startsWith(String(answer.json.error))).toBe(true);
    // Nothing of ours: not the allow-list, not a path of the machine, not a stack, not the cause.
    expect(answer.text).not.toMatch(/node_modules|\.ts|\.js|\/tmp|secret reason|\\n +at /);
  });

  test('a service that may: 200, with its identity', async () => {
    const answer = await get(guarded.port, '/billing', clientTls(issuing, billing, tlsVersion), httpVersion);
    expect(answer.status).toBe(200);
    const orders = await get(guarded.port, '/orders', clientTls(issuing, billing, tlsVersion), httpVersion);
    expect(orders.json).toEqual({ service: 'billing', serial: billing.certificate.serialNumber, spiffe: null });
  });

  test('a service that may, whatever the kind of its key', async () => {
    const kinds: TestKeyType[] = ['P-384', 'Ed25519', 'RSA-2048', 'RSA-PSS-2048'];
    // Over TLS 1.2 the server's groups say which curves keys may be on.
    if (tlsVersion === 'TLSv1.3') kinds.push('P-521');
    for (const keyType of kinds) {
      const client = issuing.issue({ commonName: 'billing', keyType });
      const answer = await get(guarded.port, '/billing', clientTls(issuing, client, tlsVersion), httpVersion);
      expect([keyType, answer.status]).toEqual([keyType, 200]);
    }
  });

  test('public routes answer anybody, also with a certificate that is refused elsewhere', async () => {
    for (const client of [undefined, revoked, stranger.issue()]) {
      expect((await get(guarded.port, '/open', clientTls(issuing, client, tlsVersion), httpVersion)).json).toEqual({
        who: null,
      });
      expect((await get(guarded.port, '/open/1', clientTls(issuing, client, tlsVersion), httpVersion)).status).toBe(
        200,
      );
    }
  });

  test('paths that Nest does not know: 401 for strangers, 404 for services', async () => {
    for (const path of ['/nowhere', '/orders/1/2', '//orders', '/%2forders', '/ORDERS', '/orders/', '/open/'])
      expect([
        path,
        (await get(guarded.port, path, clientTls(issuing, undefined, tlsVersion), httpVersion)).status,
      ]).toEqual([path, 401]);
    expect((await get(guarded.port, '/nowhere', clientTls(issuing, billing, tlsVersion), httpVersion)).status).toBe(
      404,
    );
  });
});

test('the log has the request id of the answer, the rule and the certificate, and never the key', async () => {
  const { json } = await get(guarded.port, '/orders', clientTls(issuing, revoked));
  const line = LogLines.shared.events('refused').find(({ request_id }) => request_id === json.request_id);
  expect(line).toMatchObject({
    code: 'certificate_revoked',
    serialNumber: revoked.certificate.serialNumber,
    evidence: { reason: 'keyCompromise' },
  });
  expect(JSON.stringify(LogLines.shared.lines)).not.toContain('PRIVATE KEY');
});
