import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { MtlsOptions } from '../../src/mtls/index.js';
import { TestCa, type Issued } from '../../src/testing/index.js';
import { encodeName, KeyUsage, encodeExtensionOf, Oid, type GeneralName } from '../../src/x509/index.js';
import { clientTls, get, PROTOCOLS, RawConnection } from '../support/client.js';
import { replaceFile, temporaryFolder, writeFiles } from '../support/folder.js';
import { LogLines, startGuardedApp, type GuardedApp } from '../support/guarded-app.js';

const own = TestCa.root({ commonName: 'Own Root' });
const partner = TestCa.root({ commonName: 'Partner Root', organization: 'Partner' });
const issuing = partner.intermediate({ organization: 'Partner' });
const uri = (value: string): GeneralName => ({ kind: 'uri', value });
const dns = (value: string): GeneralName => ({ kind: 'dns', value });
const nameless = encodeName([[{ type: Oid.organizationName, value: 'Somebody' }]]);
const svid = (ca: TestCa, id: string, more: object = {}): Issued =>
  ca.issue({ subject: nameless, names: [uri(id)], ...more });

let app: GuardedApp;
let byName: GuardedApp;
let bundle: string;

beforeAll(async () => {
  // A file for each: what one has read the other may not have yet.
  const files = writeFiles(temporaryFolder(), { bundle: partner.certificatePem, other: partner.certificatePem });
  ({ bundle } = files);
  const partnerBy = (file: string) => ({
    trustDomains: [{ name: 'partner.example', bundle: file, intermediates: issuing.certificatePem }],
  });
  const options: Partial<MtlsOptions> = {
    services: ['billing', 'billing.own.example', 'spiffe://own.example/ns/*', 'spiffe://partner.example/ns/*'],
    issuerOrganization: 'VERITAS Framework',
    trustDomain: 'own.example',
  };
  app = await startGuardedApp(own, { ...options, ...partnerBy(bundle), serviceFrom: ['spiffe', 'dns', 'cn'] });
  byName = await startGuardedApp(own, { ...options, ...partnerBy(files.other), serviceFrom: ['cn', 'spiffe'] });
});
afterAll(async () => {
  for (const each of [app, byName]) await each.app.close();
});

const ask = (client: Pick<Issued, 'chainPem' | 'keyPem'>, on = app) => get(on.port, '/orders', clientTls(own, client));

describe.each(PROTOCOLS)('over %s and %s', (tls, http) => {
  test.each<[string, () => Issued, string]>([
    ['a SPIFFE ID of our own domain', () => svid(own, 'spiffe://own.example/ns/a'), 'spiffe://own.example/ns/a'],
    ['one of the partner’s', () => svid(partner, 'spiffe://partner.example/ns/a'), 'spiffe://partner.example/ns/a'],
    [
      'one of the partner’s, by a CA below its own',
      () => svid(issuing, 'spiffe://partner.example/ns/a/b'),
      'spiffe://partner.example/ns/a/b',
    ],
    ['a DNS name of our own', () => own.issue({ names: [dns('Billing.own.example')] }), 'billing.own.example'],
    ['a common name of our own', () => own.issue({ commonName: 'billing' }), 'billing'],
  ])('%s passes', async (_, client, service) => {
    const answer = await get(app.port, '/orders', clientTls(own, client(), tls), http);
    expect([answer.status, answer.json.service]).toEqual([200, service]);
  });
});

describe('a certificate of one domain never speaks for another', () => {
  const [wrong, unknown] = ['trust_domain', 'untrusted'] as const;
  test.each<[string, () => Issued, 'trust_domain' | 'untrusted']>([
    ['the partner’s CA for our domain', () => svid(partner, 'spiffe://own.example/ns/a'), wrong],
    ['a CA below the partner’s for our domain', () => svid(issuing, 'spiffe://own.example/ns/a'), wrong],
    ['our CA for the partner’s domain', () => svid(own, 'spiffe://partner.example/ns/a'), wrong],
    ['our CA for a domain that nobody knows', () => svid(own, 'spiffe://third.example/ns/a'), wrong],
    ['the partner’s CA for a domain that nobody knows', () => svid(partner, 'spiffe://third.example/ns/a'), wrong],
    ['the partner’s CA with a common name of ours', () => partner.issue({ commonName: 'billing' }), wrong],
    [
      'the partner’s CA with a common name of ours, and our organization',
      () =>
        partner
          .intermediate({ organization: 'VERITAS Framework' })
          .issue({ commonName: 'billing', names: [uri('spiffe://own.example/ns/a')] }),
      unknown,
    ],
    ['the partner’s CA with a DNS name of ours', () => partner.issue({ names: [dns('billing.own.example')] }), wrong],
    [
      'the partner’s CA with a common name of ours and two SPIFFE IDs',
      () =>
        partner.issue({
          commonName: 'billing',
          names: [uri('spiffe://partner.example/ns/a'), uri('spiffe://own.example/ns/a')],
        }),
      wrong,
    ],
    [
      'the partner’s CA with a SPIFFE ID in capitals',
      () => partner.issue({ commonName: 'billing', names: [uri('spiffe://PARTNER.example/ns/a')] }),
      wrong,
    ],
    ['a stranger for our domain', () => svid(TestCa.root(), 'spiffe://own.example/ns/a'), unknown],
    ['a stranger for the partner’s domain', () => svid(TestCa.root(), 'spiffe://partner.example/ns/a'), unknown],
    [
      'a stranger by the partner’s name',
      () => svid(TestCa.root({ commonName: 'Partner Root', organization: 'Partner' }), 'spiffe://partner.example/ns/a'),
      unknown,
    ],
    [
      'the partner’s CA for our domain, by a cross-certificate that we made for it',
      () => {
        const crossed = own.intermediate({
          commonName: 'Partner Root',
          organization: 'Partner',
          keyPair: { publicKey: partner.certificate.publicKey.keyObject, privateKey: partner.key },
        });
        return svid(crossed, 'spiffe://own.example/ns/a');
      },
      wrong,
    ],
  ])('%s: untrusted_issuer', async (_, client, evidence) => {
    for (const on of [app, byName]) {
      const { status, json } = await ask(client(), on);
      expect([status, json.code]).toEqual([403, 'untrusted_issuer']);
      const line = LogLines.shared.events('refused').find(({ request_id }) => request_id === json.request_id);
      expect([line?.code, (line?.evidence as { code: string }).code]).toEqual(['untrusted_issuer', evidence]);
      // A stranger is not told which of our domains there are.
      expect(JSON.stringify(json)).not.toMatch(/partner|own\.example/);
    }
  });

  test('in the domain that vouches for it a SPIFFE ID still has to be on the list', async () => {
    for (const client of [svid(own, 'spiffe://own.example/other'), svid(partner, 'spiffe://partner.example/other')])
      expect((await ask(client)).json.code).toBe('service_not_allowed');
  });

  test('a common name of the partner’s is not looked at, whatever comes first', async () => {
    const both = partner.issue({ commonName: 'billing', names: [uri('spiffe://partner.example/ns/a')] });
    expect((await ask(both, byName)).json).toMatchObject({ service: 'spiffe://partner.example/ns/a' });
    const ours = own.issue({ commonName: 'billing', names: [uri('spiffe://own.example/ns/a')] });
    expect((await ask(ours, byName)).json).toMatchObject({ service: 'billing' });
  });
});

describe('what is no X509-SVID', () => {
  test.each<[string, string, () => Issued]>([
    [
      'service_not_allowed',
      'two URIs',
      () => own.issue({ names: [uri('spiffe://own.example/ns/a'), uri('https://a')] }),
    ],
    ['service_not_allowed', 'a SPIFFE ID without a path', () => svid(own, 'spiffe://own.example')],
    ['service_not_allowed', 'a SPIFFE ID with a port', () => svid(own, 'spiffe://own.example:1/ns/a')],
    ['service_not_allowed', 'a SPIFFE ID with a percent sign', () => svid(own, 'spiffe://own.example/ns/%61')],
    [
      'service_not_allowed',
      'a SPIFFE ID of 2 049 octets',
      () => svid(own, `spiffe://own.example/ns/${'a'.repeat(2025)}`),
    ],
    [
      'wrong_key_usage',
      'a leaf that may sign certificates',
      () =>
        svid(own, 'spiffe://own.example/ns/a', {
          extensions: [encodeExtensionOf.keyUsage([KeyUsage.digitalSignature, KeyUsage.keyCertSign])],
        }),
    ],
    [
      'wrong_key_usage',
      'a leaf that may sign revocation lists',
      () =>
        svid(own, 'spiffe://own.example/ns/a', {
          extensions: [encodeExtensionOf.keyUsage([KeyUsage.digitalSignature, KeyUsage.cRLSign])],
        }),
    ],
    [
      'wrong_key_usage',
      'a CA itself',
      () =>
        own.intermediate({
          extensions: [encodeExtensionOf.subjectAltName([uri('spiffe://own.example/ns/a')])],
        }),
    ],
  ])('%s: %s', async (code, _, client) => {
    const made = client();
    const chainPem = made.chainPem === '' ? made.certificatePem : made.chainPem;
    const { json } = await ask({ chainPem, keyPem: made.keyPem });
    expect(json.code).toBe(code);
    if (code === 'service_not_allowed') expect(json.detail).toMatch(/Have a certificate issued with one URI/);
  });
});

test('a bundle that loses a CA ends what that CA vouched for, on open connections too; one that cannot be read does not', async () => {
  const connection = await RawConnection.open(app.port, clientTls(own, svid(partner, 'spiffe://partner.example/ns/a')));
  const local = await RawConnection.open(app.port, clientTls(own, svid(own, 'spiffe://own.example/ns/a')));
  expect((await connection.get('/orders')).status).toBe(200);
  let event = LogLines.shared.next('trust_bundle_failed', { source: bundle });
  replaceFile(bundle, 'half a file');
  expect(await event).toMatchObject({ trustDomain: 'partner.example' });
  expect((await connection.get('/orders')).status).toBe(200);
  event = LogLines.shared.next('trust_bundle_loaded', { source: bundle });
  replaceFile(bundle, TestCa.root({ commonName: 'Next Partner Root' }).certificatePem);
  await event;
  expect((await connection.get('/orders')).json.code).toBe('untrusted_issuer');
  await connection.untilClosed();
  expect((await local.get('/orders')).status).toBe(200);
  event = LogLines.shared.next('trust_bundle_loaded', { source: bundle });
  replaceFile(bundle, partner.certificatePem);
  await event;
  const again = await RawConnection.open(app.port, clientTls(own, svid(partner, 'spiffe://partner.example/ns/a')));
  expect((await again.get('/orders')).status).toBe(200);
  again.close();
  local.close();
});

test('the file of intermediates of a domain is taken up when it changes, without a failed request; one that cannot be read changes nothing', async () => {
  const next = partner.intermediate({ commonName: 'Next Partner CA', organization: 'Partner' });
  const files = writeFiles(temporaryFolder(), { bundle: partner.certificatePem, between: issuing.certificatePem });
  const guarded = await startGuardedApp(own, {
    services: ['spiffe://partner.example/ns/*', 'spiffe://own.example/ns/*'],
    serviceFrom: ['spiffe'],
    trustDomain: 'own.example',
    trustDomains: [
      {
        name: 'partner.example',
        bundle: files.bundle,
        intermediates: issuing.certificatePem,
        intermediatesFile: files.between,
      },
    ],
  });
  const alone = ({ certificatePem, keyPem }: Issued) => clientTls(own, { chainPem: certificatePem, keyPem });
  const [before, after] = [
    alone(svid(issuing, 'spiffe://partner.example/ns/a')),
    alone(svid(next, 'spiffe://partner.example/ns/a')),
  ];
  const local = await RawConnection.open(guarded.port, clientTls(own, svid(own, 'spiffe://own.example/ns/a')));
  const codeOf = async (tls: typeof before) => (await get(guarded.port, '/orders', tls)).json.code;
  const connection = await RawConnection.open(guarded.port, before);
  expect([(await connection.get('/orders')).status, await codeOf(after)]).toEqual([200, 'untrusted_issuer']);
  const replaced = async (contents: string, event: string) => {
    const told = LogLines.shared.next(event, { source: files.between });
    replaceFile(files.between, contents);
    expect(await told).toMatchObject({ trustDomain: 'partner.example' });
  };
  await replaced(issuing.certificatePem.slice(0, 100), 'trust_bundle_failed');
  expect((await connection.get('/orders')).status).toBe(200);
  await replaced(issuing.certificatePem + next.certificatePem, 'trust_bundle_loaded');
  expect([(await connection.get('/orders')).status, await codeOf(after)]).toEqual([200, undefined]);
  await replaced(next.certificatePem, 'trust_bundle_loaded');
  await connection.untilClosed();
  expect([await codeOf(before), await codeOf(after), (await local.get('/orders')).status]).toEqual([
    'untrusted_issuer',
    undefined,
    200,
  ]);
  local.close();
  await guarded.app.close();
});
