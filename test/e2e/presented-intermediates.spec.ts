import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readTrustAnchors, type MtlsOptions, type TrustAnchors } from '../../src/mtls/index.js';
import { generateTestKeyPair, TestCa, type Issued } from '../../src/testing/index.js';
import { decodePem, encodeExtensionOf, encodeName, Oid } from '../../src/x509/index.js';
import { clientTls, get, PROTOCOLS, RawConnection, type TlsVersion } from '../support/client.js';
import { WRITTEN } from '../support/forwarded-headers.js';
import { temporaryFolder, writeFiles } from '../support/folder.js';
import { startGuardedApp, type GuardedApp } from '../support/guarded-app.js';

const root = TestCa.root();
const policy = root.intermediate({ commonName: 'Policy CA', pathLenConstraint: 1 });
const issuing = policy.intermediate();
const partner = TestCa.root({ commonName: 'Partner Root' });
const strict = TestCa.root({ commonName: 'Strict Root' });
const upstream = partner.intermediate({ commonName: 'SPIRE' });
const nobody = TestCa.root({ commonName: 'Nobody' });
const nameless = encodeName([[{ type: Oid.organizationName, value: 'Somebody' }]]);
const svid = (ca: TestCa, id: string): Issued => ca.issue({ subject: nameless, names: [{ kind: 'uri', value: id }] });
const alone = ({ certificatePem, keyPem }: Issued): Pick<Issued, 'chainPem' | 'keyPem'> => ({
  chainPem: certificatePem,
  keyPem,
});

let trust: TrustAnchors = readTrustAnchors(root.certificatePem);
let taking: GuardedApp;
let leaving: GuardedApp;
beforeAll(async () => {
  const { bundle, other } = writeFiles(temporaryFolder(), {
    bundle: partner.certificatePem,
    other: strict.certificatePem,
  });
  const domain = { name: 'partner.example', bundle };
  const trustDomains = [
    { ...domain, presentedIntermediates: true },
    { name: 'strict.example', bundle: other, revocation: 'hard-fail' as const },
  ];
  const options: Partial<MtlsOptions> = {
    trustAnchors: () => trust,
    intermediates: [],
    services: ['billing', 'spiffe://partner.example/*', 'spiffe://strict.example/*'],
    serviceFrom: ['spiffe', 'cn'],
    trustedProxies: [
      { service: 'edge', format: 'rfc9440' },
      { service: 'mesh', format: 'xfcc' },
    ],
  };
  taking = await startGuardedApp(root, { ...options, presentedIntermediates: true, trustDomains });
  leaving = await startGuardedApp(root, { ...options, trustDomains: [domain] });
});
afterAll(async () => {
  for (const { app } of [taking, leaving]) await app.close();
});

const outcome = async (client: Pick<Issued, 'chainPem' | 'keyPem'>, at = taking, ...more: unknown[]) => {
  const [tls, http, headers] = more as [TlsVersion?, ('HTTP/1.1' | 'HTTP/2')?, Record<string, string>?];
  const { status, json } = await get(at.port, '/orders', clientTls(root, client, tls), http, headers);
  return status === 200 ? json.service : json.code;
};

describe.each(PROTOCOLS)('over %s and %s', (...protocol) => {
  test('CAs between an anchor and a client count where they come with it and are wanted', async () => {
    const billing = issuing.issue({ commonName: 'billing' });
    expect(await outcome(alone(billing), taking, ...protocol)).toBe('untrusted_issuer');
    expect(await outcome(billing, taking, ...protocol)).toBe('billing');
    expect(await outcome(billing, leaving, ...protocol)).toBe('untrusted_issuer');
  });
});

test('in whatever order, and with others among them', async () => {
  const { certificatePem, keyPem } = issuing.issue({ commonName: 'billing' });
  const above = [nobody, policy, partner, root, issuing].map((ca) => ca.certificatePem).join('');
  expect(await outcome({ chainPem: certificatePem + above, keyPem })).toBe('billing');
});

test('ten at most, and not what is no certificate', async () => {
  const extensions = [encodeExtensionOf.noRevAvail(), encodeExtensionOf.noRevAvail()];
  const unreadable = nobody.issueRaw({ extensions }).certificatePem;
  const behind = (others: number): Pick<Issued, 'chainPem' | 'keyPem'> => {
    const { certificatePem, keyPem } = issuing.issue({ commonName: 'billing' });
    return { chainPem: certificatePem + unreadable.repeat(others) + issuing.chainPem, keyPem };
  };
  expect([await outcome(behind(8)), await outcome(behind(9))]).toEqual(['billing', 'untrusted_issuer']);
});

test('what comes with it now counts, not what came with it before', async () => {
  const named = { commonName: 'Crossed', keyPair: generateTestKeyPair() };
  const [before, now] = [root.intermediate(named), nobody.intermediate(named)];
  const { certificatePem, keyPem } = before.issue({ commonName: 'billing' });
  const below = ({ chainPem }: TestCa) => ({ chainPem: certificatePem + chainPem, keyPem });
  expect(await outcome(below(before))).toBe('billing');
  trust = readTrustAnchors(nobody.certificatePem);
  expect([await outcome(below(before)), await outcome(below(now))]).toEqual(['untrusted_issuer', 'billing']);
  trust = readTrustAnchors(root.certificatePem);
});

test('none of them becomes an anchor, and each keeps to the rules of a CA', async () => {
  const [expired, noCa] = [
    policy.intermediate({ notAfter: new Date(Date.now() - 1000) }),
    policy.intermediate({ without: [Oid.basicConstraints] }),
  ];
  const tooDeep = issuing.intermediate({ commonName: 'One more' });
  const withItself = nobody.issue({ commonName: 'billing' });
  expect([
    await outcome({ ...withItself, chainPem: withItself.certificatePem + nobody.certificatePem }),
    await outcome(noCa.issue({ commonName: 'billing' })),
    await outcome(tooDeep.issue({ commonName: 'billing' })),
    await outcome(expired.issue({ commonName: 'billing' })),
  ]).toEqual(['untrusted_issuer', 'untrusted_issuer', 'untrusted_issuer', 'certificate_expired']);
});

test('those of another trust domain, for its SPIFFE IDs alone', async () => {
  const ours = svid(upstream, 'spiffe://partner.example/web');
  expect([await outcome(ours), await outcome(ours, leaving)]).toEqual([
    'spiffe://partner.example/web',
    'untrusted_issuer',
  ]);
  const theirs = (ca: TestCa) => outcome(svid(ca, 'spiffe://strict.example/web'));
  // Nobody publishes anything about its certificates.
  expect([await theirs(strict), await theirs(strict.intermediate())]).toEqual([
    'revocation_unknown',
    'untrusted_issuer',
  ]);
  // A cross-certificate leads from one domain into another.
  const crossed = root.intermediate({
    commonName: 'SPIRE',
    keyPair: { publicKey: upstream.key, privateKey: upstream.key },
  });
  const { certificatePem, keyPem } = svid(upstream, 'spiffe://own.example/web');
  expect(await outcome(upstream.issue({ commonName: 'billing' }))).toBe('untrusted_issuer');
  expect(await outcome({ chainPem: certificatePem + upstream.chainPem, keyPem })).toBe('untrusted_issuer');
  const stolen = svid(crossed, 'spiffe://partner.example/web');
  expect(await outcome({ ...stolen, chainPem: stolen.certificatePem + crossed.certificatePem })).toBe(
    'untrusted_issuer',
  );
});

describe.each<TlsVersion>(['TLSv1.2', 'TLSv1.3'])('a session of %s that was resumed', (version) => {
  test('has lost them, and stays who it was, also when the trust changes', async () => {
    const billing = issuing.issue({ commonName: 'billing' });
    const first = await RawConnection.open(taking.port, clientTls(root, billing, version));
    expect((await first.get('/orders')).json.service).toBe('billing');
    const session = first.sessions.at(-1) ?? first.socket.getSession();
    first.close();
    const resumed = await RawConnection.open(taking.port, {
      ...clientTls(root, undefined, version),
      ...(session ? { session } : {}),
    });
    expect(resumed.socket.isSessionReused()).toBe(true);
    expect((await resumed.get('/orders')).json.service).toBe('billing');
    trust = readTrustAnchors(root.certificatePem + nobody.certificatePem);
    expect((await resumed.get('/orders')).json.service).toBe('billing');
    // And is nobody when its anchor goes.
    trust = readTrustAnchors(nobody.certificatePem);
    expect((await resumed.get('/orders')).json.code).toBe('untrusted_issuer');
    await resumed.untilClosed();
    trust = readTrustAnchors(root.certificatePem);
  });
});

describe('behind a proxy', () => {
  const derOf = (pem: string): Uint8Array[] => decodePem(pem).map(({ octets }) => octets);
  const edge = root.issue({ commonName: 'edge' });
  const mesh = root.issue({ commonName: 'mesh' });

  test('in Client-Cert-Chain (RFC 9440)', async () => {
    const [leaf = Buffer.of(), ...above] = derOf(issuing.issue({ commonName: 'billing' }).chainPem);
    const cert = { 'Client-Cert': WRITTEN.rfc9440(leaf) };
    const headers = { ...cert, 'Client-Cert-Chain': above.map((each) => WRITTEN.rfc9440(each)).join(', ') };
    expect([
      await outcome(edge, taking, 'TLSv1.3', 'HTTP/1.1', cert),
      await outcome(edge, taking, 'TLSv1.3', 'HTTP/1.1', headers),
      await outcome(edge, leaving, 'TLSv1.3', 'HTTP/1.1', headers),
    ]).toEqual(['untrusted_issuer', 'billing', 'untrusted_issuer']);
  });

  test('in the Chain of x-forwarded-client-cert', async () => {
    const { certificatePem, chainPem } = issuing.issue({ commonName: 'billing' });
    const [cert, chain] = [certificatePem, chainPem].map((pem) => encodeURIComponent(pem));
    const headers = { 'x-forwarded-client-cert': `Cert="${cert}";Chain="${chain}"` };
    expect([
      await outcome(mesh, taking, 'TLSv1.3', 'HTTP/1.1', headers),
      await outcome(mesh, leaving, 'TLSv1.3', 'HTTP/1.1', headers),
    ]).toEqual(['billing', 'untrusted_issuer']);
  });
});
