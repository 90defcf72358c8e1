import { context, contextConstructed, DerReader, Tag, write } from '../../src/der/index.js';
import { TestCa, type TestCertificateOptions } from '../../src/testing/index.js';
import {
  algorithmIdentifier,
  decodeCertificate,
  encodeExtensionOf,
  encodeName,
  encodeSigned,
  encodeTbsCertificate,
  KeyUsage,
  nameFrom,
  Oid,
  signOctets,
  TlsFeature,
  type Certificate,
  type CertificateLintSubject,
  type Extension,
  type GeneralName,
  type Name,
  type TbsCertificate,
} from '../../src/x509/index.js';

/** What `openssl verify -x509_strict` says to the signed thing that a lint rule refuses. */
export type OpensslOpinion = 'refuses' | 'accepts';

/** A certificate that breaks one rule and no other. */
export interface CertificateLintFixture {
  readonly rule: string;
  readonly defect: string;
  readonly openssl: OpensslOpinion;
  readonly subject: () => CertificateLintSubject;
}

const hours = (count: number): Date => new Date(Date.now() + count * 3_600_000);
export const dns = (value: string): GeneralName => ({ kind: 'dns', value });
export const critical = (extension: Extension, is = true): Extension => ({ ...extension, critical: is });
export const usage = (...bits: number[]): Extension => encodeExtensionOf.keyUsage(bits);
export const empty = encodeName([]);
export const permitted = (...permittedSubtrees: GeneralName[]): Extension =>
  encodeExtensionOf.nameConstraints({ permittedSubtrees, excludedSubtrees: [] });
const issuersAt = (value: string): Extension =>
  encodeExtensionOf.authorityInfoAccess([{ accessMethod: Oid.caIssuers, accessLocation: { kind: 'uri', value } }]);

export const lintRoot = TestCa.root();
export const lintIssuing = lintRoot.intermediate({ pathLenConstraint: 0 });

const sound: TestCertificateOptions = {
  commonName: 'orders',
  names: [dns('orders.example.com')],
  extensions: [
    encodeExtensionOf.crlDistributionPoints(['http://ca.example.com/crl/issuing.crl']),
    issuersAt('http://ca.example.com/ca/issuing.cer'),
  ],
};

/** The certificates of a CA and those above it, root last. */
const chainOf = (ca: TestCa): Certificate[] => [ca.certificate, ...(ca.parent ? chainOf(ca.parent) : [])];

/** An end entity's certificate without a defect but for `change`, and its place below `ca`. */
export function leafBelow(ca: TestCa, change: TestCertificateOptions = {}): CertificateLintSubject {
  const extensions = [...sound.extensions!, ...(change.extensions ?? [])];
  const { certificate } = ca.issue({ ...sound, ...change, extensions });
  return { certificate, issuer: ca.certificate, chain: chainOf(ca) };
}

/** As {@link leafBelow}, the certificate of a CA. */
export function authorityBelow(ca: TestCa, change: TestCertificateOptions = {}): CertificateLintSubject {
  const { certificate } = ca.intermediate({ notAfter: hours(24), commonName: 'Subordinate CA', ...change });
  return { certificate, issuer: ca.certificate, chain: chainOf(ca) };
}

export const leaf = (change: TestCertificateOptions) => () => leafBelow(lintIssuing, change);
export const authority = (change: TestCertificateOptions) => () => authorityBelow(lintRoot, change);
export const leafOf = (ca: TestCertificateOptions, change?: TestCertificateOptions) => () =>
  leafBelow(lintRoot.intermediate(ca), change);

export const noRevAvail = encodeExtensionOf.noRevAvail();
/** An end entity's certificate that says nothing about a list. */
export const unpublished =
  ({ extensions = [], ...change }: TestCertificateOptions) =>
  () => {
    const { certificate } = lintIssuing.issue({
      ...sound,
      ...change,
      extensions: [...sound.extensions!.slice(1), ...extensions],
    });
    return { certificate, issuer: lintIssuing.certificate, chain: chainOf(lintIssuing) };
  };

/** A sound certificate with other fields, or other octets of the same length, signed again. */
function forged(fields: Partial<TbsCertificate>, from = '', to = ''): CertificateLintSubject {
  const subject = leafBelow(lintIssuing);
  const { signatureAlgorithm, issuer, notBefore, notAfter, publicKey, extensions } = subject.certificate;
  const tbs = encodeTbsCertificate({
    serialNumber: Buffer.from(subject.certificate.serialNumber, 'hex'),
    signatureAlgorithm,
    issuer,
    notBefore,
    notAfter,
    subject: subject.certificate.subject,
    publicKey,
    extensions: [...extensions.all.values()],
    ...fields,
  });
  const octets = Buffer.from(Buffer.from(tbs).toString('hex').replace(from, to), 'hex');
  const { signature } = signOctets(octets, lintIssuing.key);
  const algorithm = fields.signatureAlgorithm ?? signatureAlgorithm;
  return { ...subject, certificate: decodeCertificate(encodeSigned(octets, algorithm, signature)) };
}

/** The elements of a SEQUENCE, each as it stands. */
export function elementsOf(sequence: Uint8Array): Uint8Array[] {
  const reader = new DerReader(sequence).enter(Tag.SEQUENCE, 'sequence');
  const elements: Uint8Array[] = [];
  while (!reader.done) elements.push(reader.element('element'));
  return elements;
}

/** A sound certificate whose fields (version, serialNumber, signature, issuer, validity, subject, …) `change` gives other octets, signed again. */
function rewritten(change: (fields: Uint8Array[], certificate: Certificate) => Uint8Array[]): CertificateLintSubject {
  const subject = leafBelow(lintIssuing);
  const octets = write.sequence(...change(elementsOf(subject.certificate.tbs), subject.certificate));
  const { signature } = signOctets(octets, lintIssuing.key);
  const certificate = decodeCertificate(encodeSigned(octets, subject.certificate.signatureAlgorithm, signature));
  return { ...subject, certificate };
}

export const attribute = (type: string, tag: number, value: string) => ({
  type,
  tag,
  value,
  der: write.element(tag, Buffer.from(value)),
});
export const directory = (name: Name): Uint8Array => write.element(contextConstructed(4), name.der);

/** authorityKeyIdentifier with the issuer's name, and not the serial number that belongs to it. */
export const unpairedIdentifier = ({ certificate: { extensions, issuer } }: TestCa): Extension => ({
  oid: Oid.authorityKeyIdentifier,
  critical: false,
  value: write.sequence(
    write.octetString(extensions.subjectKeyIdentifier!, context(0)),
    write.element(contextConstructed(1), directory(issuer)),
  ),
});

const pointWith = (...more: Uint8Array[]): Extension => {
  const point = elementsOf(elementsOf(sound.extensions![0]!.value)[0]!);
  return { ...sound.extensions![0]!, value: write.sequence(write.sequence(...point, ...more)) };
};

export const policy = (oid: string, value: Uint8Array): Extension => ({ oid, critical: true, value });
const mapping = (to: string): Extension =>
  policy(Oid.policyMappings, write.sequence(write.sequence(write.oid('1.2.3.4'), write.oid(to))));

const table: readonly (readonly [
  rule: string,
  defect: string,
  openssl: OpensslOpinion,
  subject: () => CertificateLintSubject,
])[] = [
  ['version', 'version 2', 'accepts', () => forged({ extensions: [] }, 'a003020102', 'a003020101')],
  ['serial-number-positive', 'zero', 'accepts', leaf({ serialNumber: Uint8Array.of(0) })],
  [
    'serial-number-positive',
    'a negative number',
    'accepts',
    () => forged({ serialNumber: Buffer.alloc(16, 0x7e) }, '02107e7e', '0210fe7e'),
  ],
  ['serial-number-length', '21 octets with the sign', 'accepts', leaf({ serialNumber: Buffer.alloc(20, 0xff) })],
  ['serial-number-entropy', 'a number that was counted', 'accepts', leaf({ serialNumber: Uint8Array.of(1, 0) })],
  [
    'signature-algorithm',
    'Ed25519 of a P-256 issuer',
    'refuses',
    () => forged({ signatureAlgorithm: algorithmIdentifier(Oid.ed25519) }),
  ],
  ['issuer-not-empty', 'an issuer without a name', 'refuses', () => leafBelow(TestCa.root({ subject: empty }))],
  [
    'issuer-name-chaining',
    'another issuer',
    'refuses',
    () => forged({ issuer: nameFrom({ commonName: 'Somebody else' }) }),
  ],
  [
    'issuer-name-chaining',
    'the issuer in capitals',
    'accepts',
    () => forged({ issuer: nameFrom({ organization: 'VERITAS FRAMEWORK', commonName: 'TEST ISSUING CA' }) }),
  ],
  ['issuer-may-certify', 'an issuer for lists only', 'refuses', leafOf({ extensions: [usage(KeyUsage.cRLSign)] })],
  ['self-issued-authority', 'the name of its issuer', 'accepts', leaf({ subject: lintIssuing.certificate.subject })],
  [
    'validity-form',
    'GeneralizedTime before 2050',
    'accepts',
    () =>
      rewritten((fields, { notBefore, notAfter }) =>
        fields.with(4, write.sequence(write.generalizedTime(notBefore), write.time(notAfter))),
      ),
  ],
  ['validity-order', 'an end before the beginning', 'refuses', leaf({ notBefore: hours(2), notAfter: hours(1) })],
  ['validity-within-issuer', 'an end after the issuer’s', 'accepts', leaf({ notAfter: hours(24 * 3000) })],
  [
    'validity-within-issuer',
    'an end after the root’s',
    'accepts',
    () =>
      leafBelow(TestCa.root({ notAfter: hours(10) }).intermediate({ notAfter: hours(48) }), { notAfter: hours(24) }),
  ],
  [
    'unique-identifiers',
    'one of the subject',
    'accepts',
    () => rewritten((fields) => fields.toSpliced(7, 0, write.bitString(Buffer.of(1), 0, context(2)))),
  ],
  ['subject-of-authority', 'a CA without a name', 'refuses', authority({ subject: empty })],
  ['subject-alternative', 'no subject, and names not critical', 'refuses', leaf({ subject: empty })],
  [
    'subject-string-type',
    'a TeletexString',
    'accepts',
    leaf({ subject: encodeName([[attribute(Oid.commonName, Tag.TELETEX_STRING, 'orders')]]) }),
  ],
  [
    'subject-string-type',
    'a common name that is an IA5String',
    'accepts',
    leaf({ subject: encodeName([[attribute(Oid.commonName, Tag.IA5_STRING, 'orders')]]) }),
  ],
  [
    'subject-attribute-syntax',
    'a country that is a UTF8String',
    'accepts',
    leaf({ subject: encodeName([[attribute(Oid.countryName, Tag.UTF8_STRING, 'DE')]]) }),
  ],
  [
    'subject-attribute-syntax',
    'an email address that is a UTF8String',
    'accepts',
    leaf({ subject: encodeName([[attribute(Oid.emailAddress, Tag.UTF8_STRING, 'a@example.com')]]) }),
  ],
  ['subject-attribute-length', '65 characters', 'accepts', leaf({ commonName: 'x'.repeat(65) })],
  ['subject-attribute-length', 'no character', 'accepts', leaf({ commonName: '' })],
  ['public-key', 'RSA-1024', 'refuses', leaf({ keyType: 'RSA-1024' })],
  ['subject-alt-name', 'no names', 'accepts', leaf({ names: [] })],
  ['subject-alt-name-dns', 'a trailing dot', 'accepts', leaf({ names: [dns('orders.example.com.')] })],
  ['subject-alt-name-dns', 'a wildcard', 'accepts', leaf({ names: [dns('*.example.com')] })],
  ['subject-alt-name-dns', 'an address', 'accepts', leaf({ names: [dns('10.1.2.3')] })],
  ['subject-alt-name-dns', 'an underscore', 'accepts', leaf({ names: [dns('or_ders.example.com')] })],
  ['subject-alt-name-dns', 'a label of 64', 'accepts', leaf({ names: [dns(`${'x'.repeat(64)}.example.com`)] })],
  ['subject-alt-name-dns', 'no character', 'accepts', leaf({ names: [dns('')] })],
  ['subject-alt-name-email', 'no domain', 'accepts', leaf({ names: [{ kind: 'email', value: 'root' }] })],
  ['subject-alt-name-uri', 'a relative URI', 'accepts', leaf({ names: [{ kind: 'uri', value: '/orders' }] })],
  ['subject-alt-name-uri', 'no host', 'accepts', leaf({ names: [{ kind: 'uri', value: 'https:///orders' }] })],
  [
    'subject-alt-name-directory',
    'a directory name without a name',
    'accepts',
    leaf({ names: [dns('orders.example.com'), { kind: 'directory', value: empty }] }),
  ],
  [
    'subject-alt-name-unique',
    'a name in either case',
    'accepts',
    leaf({ names: [dns('orders.example.com'), dns('Orders.example.com')] }),
  ],
  [
    'basic-constraints-critical',
    'CA:TRUE that may be ignored',
    'refuses',
    authority({
      extensions: [critical(encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: undefined }), false)],
    }),
  ],
  [
    'key-cert-sign-of-authority',
    'keyCertSign of an end entity',
    'refuses',
    leaf({ extensions: [usage(KeyUsage.digitalSignature, KeyUsage.keyCertSign)] }),
  ],
  ['authority-key-cert-sign', 'a CA for lists only', 'accepts', authority({ extensions: [usage(KeyUsage.cRLSign)] })],
  [
    'path-length-of-authority',
    'pathLenConstraint of an end entity',
    'refuses',
    leaf({ extensions: [encodeExtensionOf.basicConstraints({ cA: false, pathLenConstraint: 0 })] }),
  ],
  ['key-usage', 'none, in an end entity', 'accepts', leaf({ without: [Oid.keyUsage] })],
  ['key-usage', 'none, in a CA', 'refuses', authority({ without: [Oid.keyUsage] })],
  ['key-usage-known', 'bit 10', 'accepts', leaf({ extensions: [usage(KeyUsage.digitalSignature, 10)] })],
  [
    'key-usage-agreement',
    'decipherOnly without keyAgreement',
    'accepts',
    leaf({ extensions: [usage(KeyUsage.digitalSignature, KeyUsage.decipherOnly)] }),
  ],
  [
    'key-usage-critical',
    'a key usage that may be ignored',
    'accepts',
    leaf({ extensions: [critical(usage(KeyUsage.digitalSignature), false)] }),
  ],
  [
    'key-usage-ec',
    'keyEncipherment with P-256',
    'accepts',
    leaf({ extensions: [usage(KeyUsage.digitalSignature, KeyUsage.keyEncipherment)] }),
  ],
  [
    'key-usage-ed25519',
    'keyAgreement with Ed25519',
    'accepts',
    leaf({ keyType: 'Ed25519', extensions: [usage(KeyUsage.digitalSignature, KeyUsage.keyAgreement)] }),
  ],
  [
    'key-usage-rsa',
    'keyAgreement with RSA',
    'accepts',
    leaf({ keyType: 'RSA-2048', extensions: [usage(KeyUsage.digitalSignature, KeyUsage.keyAgreement)] }),
  ],
  [
    'key-usage-rsa-pss',
    'keyEncipherment with RSA-PSS',
    'accepts',
    leaf({ keyType: 'RSA-PSS-2048', extensions: [usage(KeyUsage.digitalSignature, KeyUsage.keyEncipherment)] }),
  ],
  ['extended-key-usage', 'none', 'accepts', leaf({ without: [Oid.extendedKeyUsage] })],
  [
    'extended-key-usage-any',
    'any, beside others',
    'accepts',
    leaf({ purposes: [Oid.clientAuth, Oid.anyExtendedKeyUsage] }),
  ],
  [
    'extended-key-usage-nesting',
    'clientAuth below a CA for servers',
    'refuses',
    leafOf({ extensions: [encodeExtensionOf.extendedKeyUsage([Oid.serverAuth])] }),
  ],
  [
    'extended-key-usage-consistent',
    'clientAuth of a key that does not sign',
    'refuses',
    leaf({ extensions: [usage(KeyUsage.nonRepudiation)] }),
  ],
  ['authority-key-identifier', 'none', 'refuses', leaf({ without: [Oid.authorityKeyIdentifier] })],
  [
    'authority-key-identifier',
    'one without a key',
    'refuses',
    leaf({ extensions: [encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: undefined })] }),
  ],
  [
    'authority-key-identifier-pair',
    'the name of the issuer’s issuer without a serial number',
    'accepts',
    leaf({ extensions: [unpairedIdentifier(lintIssuing)] }),
  ],
  [
    'authority-key-identifier-chaining',
    'the key of somebody else',
    'refuses',
    leaf({ extensions: [encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Buffer.alloc(20, 1) })] }),
  ],
  ['subject-key-identifier', 'none, in an end entity', 'accepts', leaf({ without: [Oid.subjectKeyIdentifier] })],
  ['subject-key-identifier', 'none, in a CA', 'refuses', authority({ without: [Oid.subjectKeyIdentifier] })],
  [
    'criticality',
    'a critical subjectKeyIdentifier',
    'refuses',
    leaf({ extensions: [critical(encodeExtensionOf.subjectKeyIdentifier(Buffer.alloc(20, 1)))] }),
  ],
  [
    'criticality',
    'critical names beside a subject',
    'accepts',
    leaf({ extensions: [encodeExtensionOf.subjectAltName([dns('orders.example.com')], true)] }),
  ],
  [
    'criticality',
    'constraints that may be ignored',
    'accepts',
    authority({ extensions: [critical(permitted(dns('example.com')), false)] }),
  ],
  [
    'unknown-critical-extension',
    'an extension nobody knows',
    'refuses',
    leaf({ extensions: [{ oid: '1.2.3.4', critical: true, value: write.nullElement() }] }),
  ],
  [
    'crl-distribution-points',
    'https',
    'accepts',
    leaf({ extensions: [encodeExtensionOf.crlDistributionPoints(['https://ca.example.com/crl/issuing.crl'])] }),
  ],
  [
    'crl-distribution-points-issuer',
    'the issuer itself as cRLIssuer',
    'accepts',
    leaf({
      extensions: [pointWith(write.element(contextConstructed(2), directory(lintIssuing.certificate.subject)))],
    }),
  ],
  [
    'crl-distribution-points-reasons',
    'a list of compromised keys, and no other',
    'accepts',
    leaf({ extensions: [pointWith(write.namedBits([1], context(1)))] }),
  ],
  [
    'freshest-crl',
    'a delta at an https URI',
    'accepts',
    leaf({ extensions: [encodeExtensionOf.freshestCrl(['https://ca.example.com/crl/delta.crl'])] }),
  ],
  ['authority-info-access', 'ldap', 'accepts', leaf({ extensions: [issuersAt('ldap://ca.example.com/cn=CA')] })],
  ['authority-info-access', 'a host that is none', 'accepts', leaf({ extensions: [issuersAt('http://1.2.3/ca.cer')] })],
  [
    'authority-info-access-method',
    'an access method of subjectInfoAccess',
    'accepts',
    leaf({
      extensions: [
        encodeExtensionOf.authorityInfoAccess([
          {
            accessMethod: '1.3.6.1.5.5.7.48.5',
            accessLocation: { kind: 'uri', value: 'http://ca.example.com/' },
          },
        ]),
      ],
    }),
  ],
  ['no-rev-avail-of-authority', 'noRevAvail of a CA', 'accepts', authority({ extensions: [noRevAvail] })],
  [
    'no-rev-avail-form',
    'an octet that says nothing',
    'accepts',
    unpublished({ extensions: [{ ...noRevAvail, value: write.octetString(Buffer.of(0)) }] }),
  ],
  ['no-rev-avail-lists', 'the location of a list', 'accepts', leaf({ extensions: [noRevAvail] })],
  [
    'no-rev-avail-ocsp',
    'the location of a responder',
    'accepts',
    unpublished({
      extensions: [
        noRevAvail,
        encodeExtensionOf.authorityInfoAccess([
          { accessMethod: Oid.ocsp, accessLocation: { kind: 'uri', value: 'http://ca.example.com/ocsp' } },
        ]),
      ],
    }),
  ],
  [
    'ocsp-no-check-form',
    'an octet that says nothing',
    'refuses',
    leaf({
      purposes: [Oid.ocspSigning],
      extensions: [{ ...encodeExtensionOf.ocspNoCheck(), value: write.octetString(Buffer.of(0)) }],
    }),
  ],
  [
    'ocsp-no-check-purpose',
    'a client that nobody asks about',
    'accepts',
    leaf({ extensions: [encodeExtensionOf.ocspNoCheck()] }),
  ],
  [
    'ocsp-signing-alone',
    'a client that signs responses',
    'accepts',
    leaf({ purposes: [Oid.clientAuth, Oid.ocspSigning] }),
  ],
  [
    'tls-feature-of-server',
    'stapling by a client',
    'accepts',
    leaf({ purposes: [Oid.clientAuth], extensions: [encodeExtensionOf.tlsFeature([TlsFeature.statusRequest])] }),
  ],
  [
    'tls-feature-stapling',
    'stapling where there is no response',
    'accepts',
    unpublished({ extensions: [noRevAvail, encodeExtensionOf.tlsFeature([TlsFeature.statusRequest])] }),
  ],
  ['path-length', 'a CA below a CA that allows none', 'accepts', () => authorityBelow(lintIssuing)],
  [
    'path-length',
    'an end entity below a root that allows no CA',
    'refuses',
    () => leafBelow(TestCa.root({ pathLenConstraint: 0 }).intermediate()),
  ],
  ['name-constraints', 'a name outside', 'refuses', leafOf({ extensions: [permitted(dns('example.org'))] })],
  [
    'name-constraints',
    'a name outside, two CAs above',
    'refuses',
    () => leafBelow(lintRoot.intermediate({ extensions: [permitted(dns('example.org'))] }).intermediate()),
  ],
  [
    'name-constraints',
    'a CA whose subject is outside',
    'refuses',
    () =>
      authorityBelow(
        lintRoot.intermediate({
          extensions: [permitted({ kind: 'directory', value: nameFrom({ commonName: 'Other' }) })],
        }),
      ),
  ],
  [
    'name-constraints-common-name',
    'a common name outside',
    'refuses',
    leafOf(
      { extensions: [permitted(dns('example.com'))] },
      { commonName: 'orders.example.org', names: [{ kind: 'uri', value: 'spiffe://example.com/orders' }] },
    ),
  ],
  [
    'name-constraints-of-authority',
    'constraints of an end entity',
    'accepts',
    leaf({ extensions: [permitted(dns('example.com'))] }),
  ],
  [
    'name-constraints-form',
    'a leading period in a DNS name',
    'accepts',
    authority({ extensions: [permitted(dns('.example.com'))] }),
  ],
  ['policy-mappings-of-authority', 'a mapping by an end entity', 'accepts', leaf({ extensions: [mapping('1.2.3.5')] })],
  ['policy-mappings-any', 'a mapping to anyPolicy', 'accepts', authority({ extensions: [mapping(Oid.anyPolicy)] })],
  [
    'policy-constraints-of-authority',
    'constraints by an end entity',
    'accepts',
    leaf({ extensions: [policy(Oid.policyConstraints, write.sequence(write.integer(9, context(0))))] }),
  ],
  [
    'inhibit-any-policy-of-authority',
    'inhibitAnyPolicy of an end entity',
    'accepts',
    leaf({ extensions: [policy(Oid.inhibitAnyPolicy, write.integer(0))] }),
  ],
];

export const certificateLintFixtures: readonly CertificateLintFixture[] = table.map(
  ([rule, defect, openssl, subject]) => ({ rule, defect, openssl, subject }),
);
