import { createPublicKey } from 'node:crypto';
import { context, contextConstructed, Tag, write } from '../../src/der/index.js';
import { generateTestKeyPair, TestCa } from '../../src/testing/index.js';
import {
  encodeExtensionOf,
  encodeName,
  KeyUsage,
  nameFrom,
  Oid,
  TlsFeature,
  type CertificateLintSubject,
  type CrlLintSubject,
  type Extension,
  type GeneralName,
  type OcspLintSubject,
} from '../../src/x509/index.js';
import {
  boundless,
  crlOf,
  delta,
  entries,
  entry,
  entryWith,
  extensions,
  identifierOf,
  number,
  scoped,
} from './crl-lint-fixtures.js';
import {
  attribute,
  authority,
  authorityBelow,
  critical,
  directory,
  dns,
  elementsOf,
  empty,
  leaf,
  leafBelow,
  leafOf,
  lintIssuing,
  lintRoot,
  noRevAvail,
  permitted,
  policy,
  unpublished,
  usage,
} from './lint-fixtures.js';
import { ocspOf } from './ocsp-lint-fixtures.js';

const { PRINTABLE_STRING, UTF8_STRING, IA5_STRING } = Tag;
const { digitalSignature, nonRepudiation, dataEncipherment, keyAgreement } = KeyUsage;
const { encipherOnly, decipherOnly, keyCertSign, cRLSign } = KeyUsage;

const uri = (value: string): GeneralName => ({ kind: 'uri', value });
const [here, there] = [uri('http://ca.example.com/'), uri('ldap://ca.example.com/')];
const us = directory(lintIssuing.certificate.subject);
const others = directory(nameFrom({ commonName: 'Somebody else' }));
const rsa = generateTestKeyPair('RSA-2048');
const pss = generateTestKeyPair('RSA-PSS-2048');
const edwards = generateTestKeyPair('Ed25519');

const access = (...all: readonly (readonly [accessMethod: string, accessLocation: GeneralName])[]): Extension =>
  encodeExtensionOf.authorityInfoAccess(
    all.map(([accessMethod, accessLocation]) => ({ accessMethod, accessLocation })),
  );
const purposes = (...all: string[]): Extension => encodeExtensionOf.extendedKeyUsage(all);
const lists = (...urls: string[]): Extension => encodeExtensionOf.crlDistributionPoints(urls);
const [point] = elementsOf(lists('http://ca.example.com/a.crl').value);
/** cRLDistributionPoints of points, each of these elements. */
const points = (...all: (readonly Uint8Array[])[]): Extension => ({
  ...lists(),
  value: write.sequence(...all.map((each) => write.sequence(...each))),
});
const at = elementsOf(point!);
const named = (...names: Uint8Array[]): Uint8Array =>
  write.element(contextConstructed(0), write.element(contextConstructed(0), ...names));
const issuer = (...names: Uint8Array[]): Uint8Array => write.element(contextConstructed(2), ...names);
const constraints = (cA: boolean): Extension =>
  encodeExtensionOf.basicConstraints({ cA, pathLenConstraint: undefined });
const mappings = (...all: (readonly [string, string])[]): Extension =>
  policy(
    Oid.policyMappings,
    write.sequence(...all.map((pair) => write.sequence(...pair.map((oid) => write.oid(oid))))),
  );
const policyConstraints = policy(Oid.policyConstraints, write.sequence(write.integer(9, context(0))));
const inhibitAnyPolicy = policy(Oid.inhibitAnyPolicy, write.integer(0));
const stapling = encodeExtensionOf.tlsFeature([TlsFeature.statusRequest]);
const noCheck = encodeExtensionOf.ocspNoCheck();
const names = write.sequence(write.ia5String('http://a.example/', context(6)));
const attributes = (type: string, tag: number, value: string) =>
  leaf({ subject: encodeName([[attribute(type, tag, value)]]) });
const { notBefore, notAfter } = lintIssuing.certificate;

const limits: readonly (readonly [oid: string, tag: number, limit: number])[] = [
  [Oid.commonName, UTF8_STRING, 64],
  [Oid.organizationName, UTF8_STRING, 64],
  [Oid.organizationalUnitName, UTF8_STRING, 64],
  [Oid.localityName, UTF8_STRING, 128],
  [Oid.stateOrProvinceName, UTF8_STRING, 128],
  [Oid.title, PRINTABLE_STRING, 64],
  [Oid.serialNumber, PRINTABLE_STRING, 64],
  [Oid.countryName, PRINTABLE_STRING, 2],
  [Oid.emailAddress, IA5_STRING, 255],
];

/**
 * The edges of what rules allow, beside the one defect of each fixture: the rule that finds something, among others perhaps, or `undefined` where nothing is
 * found.
 */
type Boundaries<Subject> = readonly (readonly [rule: string | undefined, what: string, subject: () => Subject])[];

export const certificateBoundaries: Boundaries<CertificateLintSubject> = [
  [
    'criticality',
    'authorityKeyIdentifier',
    leaf({
      extensions: [
        critical(
          encodeExtensionOf.authorityKeyIdentifier({
            keyIdentifier: lintIssuing.certificate.extensions.subjectKeyIdentifier,
          }),
        ),
      ],
    }),
  ],
  ['criticality', 'issuerAltName', leaf({ extensions: [{ oid: Oid.issuerAltName, critical: true, value: names }] })],
  [
    'criticality',
    'subjectInfoAccess',
    leaf({ extensions: [{ ...access([Oid.caIssuers, here]), oid: Oid.subjectInfoAccess, critical: true }] }),
  ],
  ['criticality', 'authorityInfoAccess', leaf({ extensions: [critical(access([Oid.caIssuers, here]))] })],
  ['criticality', 'cRLDistributionPoints', leaf({ extensions: [critical(lists('http://ca.example.com/'))] })],
  [
    'criticality',
    'freshestCRL',
    leaf({ extensions: [critical(encodeExtensionOf.freshestCrl(['http://ca.example.com/']))] }),
  ],
  ['criticality', 'tlsFeature', leaf({ extensions: [critical(stapling)] })],
  ['criticality', 'noRevAvail', unpublished({ extensions: [critical(noRevAvail)] })],
  ['criticality', 'ocspNoCheck', leaf({ purposes: [Oid.ocspSigning], extensions: [critical(noCheck)] })],
  ...[mappings(['1.2.3.4', '1.2.3.5']), policyConstraints, inhibitAnyPolicy].flatMap((each) => [
    ['criticality', `${each.oid} that may be ignored`, authority({ extensions: [critical(each, false)] })] as const,
    [undefined, `${each.oid} of a CA`, authority({ extensions: [each] })] as const,
  ]),
  [
    'authority-info-access',
    'ldap as well',
    leaf({ extensions: [access([Oid.caIssuers, here], [Oid.caIssuers, there])] }),
  ],
  [
    'authority-info-access',
    'a DNS name like a URI',
    leaf({ extensions: [access([Oid.caIssuers, dns(here.value as string)])] }),
  ],
  [undefined, 'an issuer and a responder', leaf({ extensions: [access([Oid.caIssuers, here], [Oid.ocsp, here])] })],
  [
    'authority-key-identifier-chaining',
    'an issuer without one',
    leafOf(
      { without: [Oid.subjectKeyIdentifier] },
      { extensions: [encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Buffer.alloc(20, 1) })] },
    ),
  ],
  [
    undefined,
    'a root without authorityKeyIdentifier',
    () => ({
      certificate: TestCa.root({ without: [Oid.authorityKeyIdentifier] }).certificate,
      issuer: undefined,
      chain: [],
    }),
  ],
  [undefined, 'an end entity that says it is no CA', leaf({ extensions: [critical(constraints(false), false)] })],
  ['issuer-may-certify', 'an issuer that is no CA', leafOf({ extensions: [constraints(false), usage(keyCertSign)] })],
  [
    'crl-distribution-points',
    'ldap as well',
    leaf({
      extensions: [points([named(write.ia5String('http://a/', context(6)), write.ia5String('ldap://a/', context(6)))])],
    }),
  ],
  ['crl-distribution-points', 'an issuer alone', leaf({ extensions: [points(at, [issuer(others)])] })],
  [
    'crl-distribution-points',
    'a name relative to the issuer',
    leaf({
      extensions: [
        points([
          write.element(
            contextConstructed(0),
            write.element(
              contextConstructed(1),
              write.sequence(write.oid(Oid.commonName), write.element(UTF8_STRING, Buffer.from('a'))),
            ),
          ),
        ]),
      ],
    }),
  ],
  [
    'crl-distribution-points',
    'a DNS name like a URI',
    leaf({ extensions: [points([named(write.ia5String('http://a/', context(2)))])] }),
  ],
  [
    'crl-distribution-points-issuer',
    'the issuer, beside others',
    leaf({ extensions: [points(at, [...at, issuer(others, us)])] }),
  ],
  [undefined, 'another issuer of the list', leaf({ extensions: [points([...at, issuer(others)])] })],
  [
    undefined,
    'a list of all reasons beside one of some',
    leaf({ extensions: [points([...at, write.namedBits([1], context(1))], at)] }),
  ],
  [
    'extended-key-usage-nesting',
    'a CA for everything below one for servers',
    () => authorityBelow(lintRoot.intermediate({ extensions: [purposes(Oid.serverAuth)] })),
  ],
  [undefined, 'the purposes of the CA above', leafOf({ extensions: [purposes(Oid.serverAuth, Oid.clientAuth)] })],
  [undefined, 'a CA above for any purpose', leafOf({ extensions: [purposes(Oid.anyExtendedKeyUsage)] })],
  [undefined, 'a CA for servers, whose key signs certificates', authority({ extensions: [purposes(Oid.serverAuth)] })],
  [undefined, 'a key for lists alone', leaf({ without: [Oid.extendedKeyUsage], extensions: [usage(cRLSign)] })],
  [
    'extended-key-usage',
    'a key for lists and more',
    leaf({ without: [Oid.extendedKeyUsage], extensions: [usage(cRLSign, digitalSignature)] }),
  ],
  ['key-usage-agreement', 'encipherOnly', leaf({ extensions: [usage(digitalSignature, encipherOnly)] })],
  [
    undefined,
    'encipherOnly with keyAgreement',
    leaf({ extensions: [usage(digitalSignature, keyAgreement, encipherOnly)] }),
  ],
  ['key-usage-ec', 'dataEncipherment', leaf({ extensions: [usage(digitalSignature, dataEncipherment)] })],
  ...[encipherOnly, decipherOnly].map(
    (bit) =>
      ['key-usage-rsa', `bit ${bit}`, leaf({ keyPair: rsa, extensions: [usage(digitalSignature, bit)] })] as const,
  ),
  ...[edwards, pss].flatMap((keyPair) => [
    [undefined, 'nonRepudiation', leaf({ keyPair, extensions: [usage(digitalSignature, nonRepudiation)] })] as const,
    ['key-usage', 'none', leaf({ keyPair, without: [Oid.keyUsage] })] as const,
  ]),
  [
    undefined,
    'a common name outside, beside a DNS name inside',
    leafOf(
      { extensions: [permitted(dns('example.com'))] },
      { commonName: 'orders.example.org', names: [dns('orders.example.com'), uri('spiffe://example.com/orders')] },
    ),
  ],
  ...['orders', 'orders by example.org'].map(
    (commonName) =>
      [
        undefined,
        `the common name ${commonName}`,
        leafOf(
          { extensions: [permitted(dns('example.com'))] },
          { commonName, names: [uri('spiffe://example.com/orders')] },
        ),
      ] as const,
  ),
  [
    undefined,
    'a CA called like a host outside',
    () =>
      authorityBelow(lintRoot.intermediate({ extensions: [permitted(dns('example.com'))] }), {
        commonName: 'ca.example.org',
      }),
  ],
  [
    'no-rev-avail-lists',
    'the location of a delta',
    unpublished({ extensions: [noRevAvail, encodeExtensionOf.freshestCrl(['http://ca.example.com/'])] }),
  ],
  [
    'no-rev-avail-ocsp',
    'a responder beside an issuer',
    unpublished({ extensions: [noRevAvail, access([Oid.caIssuers, here], [Oid.ocsp, here])] }),
  ],
  [undefined, 'a CA that follows itself', () => authorityBelow(lintIssuing, { commonName: 'Test Issuing CA' })],
  [
    'policy-mappings-any',
    'a mapping of anyPolicy',
    authority({ extensions: [mappings(['1.2.3.4', '1.2.3.5'], [Oid.anyPolicy, '1.2.3.5'])] }),
  ],
  ['serial-number-entropy', '56 bits', leaf({ serialNumber: Buffer.alloc(7, 0x7f) })],
  [undefined, '64 bits', leaf({ serialNumber: Buffer.alloc(8, 0x7f) })],
  [undefined, 'a directory name', leaf({ names: [{ kind: 'directory', value: nameFrom({ commonName: 'orders' }) }] })],
  [undefined, 'a mailbox', leaf({ names: [{ kind: 'email', value: 'orders@example.com' }] })],
  ...(
    [
      { kind: 'ip', value: Buffer.of(192, 0, 2, 1) },
      uri('spiffe://example.com/orders'),
      { kind: 'email', value: 'a@example.com' },
    ] as const
  ).map((name) => ['subject-alt-name-unique', name.kind, leaf({ names: [name, name] })] as const),
  [
    undefined,
    'names that only look the same',
    leaf({ names: [1, 2].map((value) => ({ kind: 'other', type: '1.2.3.4', value: write.integer(value) })) }),
  ],
  ...[Oid.serverAuth, Oid.clientAuth].map(
    (purpose) => ['subject-alt-name', purpose, leaf({ purposes: [purpose, '1.2.3.4'], names: [] })] as const,
  ),
  [undefined, 'a responder without names', leaf({ purposes: [Oid.ocspSigning], names: [] })],
  ...limits.flatMap(([oid, tag, limit]) => [
    [undefined, `${limit} characters of ${oid}`, attributes(oid, tag, 'x'.repeat(limit))] as const,
    [
      'subject-attribute-length',
      `${limit + 1} characters of ${oid}`,
      attributes(oid, tag, 'x'.repeat(limit + 1)),
    ] as const,
  ]),
  ['subject-attribute-length', 'a country of one character', attributes(Oid.countryName, PRINTABLE_STRING, 'x')],
  [undefined, 'one character', attributes(Oid.commonName, UTF8_STRING, 'x')],
  [undefined, '64 characters of more than an octet', attributes(Oid.commonName, UTF8_STRING, '€'.repeat(64))],
  ...(
    [
      [Oid.serialNumber, PRINTABLE_STRING],
      [Oid.dnQualifier, PRINTABLE_STRING],
      [Oid.domainComponent, IA5_STRING],
    ] as const
  ).flatMap(([oid, tag]) => [
    [undefined, `${oid} of its type`, attributes(oid, tag, 'x')] as const,
    ['subject-attribute-syntax', `${oid} that is a UTF8String`, attributes(oid, UTF8_STRING, 'x')] as const,
  ]),
  ['subject-string-type', 'a common name that is no text', attributes(Oid.commonName, Tag.OCTET_STRING, 'x')],
  [undefined, 'no character where there is no limit', attributes(Oid.dnQualifier, PRINTABLE_STRING, '')],
  [undefined, 'an attribute without a limit', attributes(Oid.dnQualifier, PRINTABLE_STRING, 'x'.repeat(1000))],
  [undefined, 'a server that staples', leaf({ purposes: [Oid.serverAuth], extensions: [stapling] })],
  [undefined, 'a CA whose servers staple', authority({ extensions: [stapling] })],
  [undefined, 'one second', leaf({ notBefore: notAfter, notAfter })],
  [undefined, 'as long as the issuer', leaf({ notBefore, notAfter })],
  ['validity-within-issuer', 'a second before the issuer', leaf({ notBefore: new Date(notBefore.getTime() - 1000) })],
  [
    'subject-alternative',
    'no subject below an issuer without one',
    () => leafBelow(TestCa.root({ subject: empty }), { subject: empty }),
  ],
];

const nameless = TestCa.root({ subject: empty });
const keyless = lintRoot.intermediate({ without: [Oid.subjectKeyIdentifier] });
const { thisUpdate } = crlOf(lintIssuing).list;

export const crlBoundaries: Boundaries<CrlLintSubject> = [
  [
    'crl-authority-key-identifier',
    'an issuer without one',
    () =>
      crlOf(keyless, {
        extensions: [encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Buffer.alloc(20, 1) }), number(7n)],
      }),
  ],
  [undefined, 'a delta to the list that is signed with it', delta(7n)],
  [
    undefined,
    'a complete list that says where a delta is',
    extensions(identifierOf(lintIssuing), number(7n), encodeExtensionOf.freshestCrl(['http://ca.example.com/'])),
  ],
  [
    'crl-entry-reason',
    'unspecified',
    entries(entryWith(write.time(thisUpdate), [Oid.reasonCode, write.integer(0, Tag.ENUMERATED)])),
  ],
  [undefined, 'an entry of now', entries(entryWith(write.time(thisUpdate)))],
  [
    undefined,
    'removeFromCRL in a delta',
    () =>
      crlOf(lintIssuing, {
        revokedCertificates: [entry('40a1', 8)],
        extensions: [identifierOf(lintIssuing), number(7n), encodeExtensionOf.deltaCrlIndicator(6n)],
      }),
  ],
  ['crl-issuer', 'an issuer without a name', () => crlOf(nameless)],
  ['crl-next-update', 'thisUpdate', () => crlOf(lintIssuing, { thisUpdate, nextUpdate: thisUpdate })],
  [undefined, 'end entities alone, by a CA above no CAs', scoped(lintIssuing, 1)],
  [undefined, 'CAs alone', scoped(boundless, 2)],
  [
    undefined,
    'later in the second of the last list',
    () => ({
      ...crlOf(lintIssuing, { thisUpdate, revokedCertificates: [] }),
      previous: { number: 6, thisUpdate: new Date(thisUpdate.getTime() + 999) },
    }),
  ],
  [
    'crl-this-update',
    'a second before the last list',
    () => ({
      ...crlOf(lintIssuing, { thisUpdate, revokedCertificates: [] }),
      previous: { number: 6, thisUpdate: new Date(thisUpdate.getTime() + 1000) },
    }),
  ],
];

const now = new Date(Math.floor(Date.now() / 1000) * 1000);
const inSeconds = (count: number): Date => new Date(now.getTime() + count * 1000);
const pair = { serials: ['40a1', '40a2'] };
const lasting = { notBefore: now, notAfter: inSeconds(60), purposes: [Oid.ocspSigning] };
const brief = lintIssuing.issue(lasting);
const impostor = lintRoot.intermediate().issue(lasting);
const renamed = TestCa.root({
  keyPair: { privateKey: lintIssuing.key, publicKey: createPublicKey(lintIssuing.key) },
}).issue(lasting);
const late = { status: 'revoked', revocationTime: now, reason: 6 } as const;
/** The answers of both to what both were asked. */
function joined(one: OcspLintSubject, other: OcspLintSubject): OcspLintSubject {
  const responses = [...one.response.responses, ...other.response.responses];
  const certIds = [...one.request.certIds, ...other.request.certIds];
  return { ...one, response: { ...one.response, responses }, request: { ...one.request, certIds } };
}

export const ocspBoundaries: Boundaries<OcspLintSubject> = [
  ['ocsp-cert-ids', 'the second answer about another', () => ocspOf({ ...pair, answered: ['40a1', '40a3'] })],
  ['ocsp-cert-issuer', 'the second of somebody else', () => joined(ocspOf(), ocspOf({ issuer: lintRoot }))],
  [
    'ocsp-criticality',
    'of the whole',
    () => ocspOf({ extensions: [critical(encodeExtensionOf.ocspExtendedRevoke())] }),
  ],
  [
    'ocsp-extended-revoke',
    'the second',
    () => ocspOf({ ...pair, statuses: [late, { ...late, revocationTime: new Date(0) }] }),
  ],
  [undefined, 'on hold since now', () => ocspOf({ certStatus: late })],
  ['ocsp-next-update', 'thisUpdate', () => ocspOf({ thisUpdate: now, nextUpdate: now })],
  ['ocsp-next-update', 'that of the second', () => joined(ocspOf(), ocspOf({ nextUpdate: inSeconds(-9999) }))],
  ['ocsp-this-update', 'that of the second', () => joined(ocspOf(), ocspOf({ thisUpdate: inSeconds(9999) }))],
  ['ocsp-nonce', 'an octet that nobody sent', () => ocspOf({ otherNonce: Buffer.alloc(1) })],
  [
    'ocsp-responder-id',
    'by name',
    () => {
      const answer = ocspOf();
      return { ...answer, response: { ...answer.response, responderId: { byName: answer.responder.subject } } };
    },
  ],
  ['ocsp-responder-issuer', 'one of a CA of the same name', () => ocspOf({ responder: impostor })],
  ['ocsp-responder-issuer', 'one of a CA of the same key', () => ocspOf({ responder: renamed })],
  [
    undefined,
    'the first and the last second of the responder',
    () => ocspOf({ responder: brief, thisUpdate: now, producedAt: now, nextUpdate: lasting.notAfter }),
  ],
  [
    'ocsp-responder-validity',
    'produced a second before',
    () =>
      ocspOf({ responder: brief, thisUpdate: inSeconds(-1), producedAt: inSeconds(-1), nextUpdate: lasting.notAfter }),
  ],
  [
    'ocsp-responder-validity',
    'produced a second after',
    () =>
      ocspOf({ responder: brief, thisUpdate: inSeconds(-1), producedAt: inSeconds(61), nextUpdate: lasting.notAfter }),
  ],
  [
    undefined,
    'produced in the last second',
    () => ocspOf({ responder: brief, thisUpdate: now, producedAt: lasting.notAfter, nextUpdate: lasting.notAfter }),
  ],
  [
    'ocsp-responder-validity',
    'the second after the responder',
    () => joined(ocspOf({ responder: brief, nextUpdate: lasting.notAfter }), ocspOf({ responder: brief })),
  ],
];
