import { createHash, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { context, contextConstructed, Tag, write } from '../../src/der/index.js';
import type { IssueRequest, PkiErrorCode } from '../../src/pki/index.js';
import { generateTestKeyPair } from '../../src/testing/index.js';
import {
  encodeExtensionOf,
  encodeName,
  encodePem,
  ipFromString,
  KeyUsage,
  nameFrom,
  Oid,
  type Extension,
  type GeneralName,
} from '../../src/x509/index.js';
import { certificationRequest, certificationRequestPem, extension, nullValue } from './certification-request.js';

const san = (...names: GeneralName[]) => encodeExtensionOf.subjectAltName(names);
const dns = (value: string): GeneralName => ({ kind: 'dns', value });
const uri = (value: string): GeneralName => ({ kind: 'uri', value });
const asking = (...extensions: Extension[]) => certificationRequest({ extensions });
const cn = (...values: string[]) => encodeName(values.map((value) => [{ type: Oid.commonName, value }]));
const flipped = (octets: Uint8Array): Uint8Array => {
  const copy = Uint8Array.from(octets);
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
  return copy;
};

/** Certification requests that no door certifies: what it is, the code, the request, and what its sender says beside it. */
export const hostileRequests: readonly (readonly [
  what: string,
  code: PkiErrorCode,
  request: () => Uint8Array | string,
  more?: Partial<IssueRequest>,
])[] = [
  ['nothing', 'request_malformed', () => new Uint8Array(0)],
  ['text', 'request_malformed', () => 'please'],
  ['a PEM block of another kind', 'request_malformed', () => encodePem('CERTIFICATE', certificationRequest())],
  ['two requests', 'request_malformed', () => certificationRequestPem() + certificationRequestPem()],
  ['trailing octets', 'request_malformed', () => Buffer.concat([certificationRequest(), Buffer.of(0)])],
  ['a cut request', 'request_malformed', () => certificationRequest().subarray(0, -3)],
  ['64 KiB and more', 'request_malformed', () => write.sequence(new Uint8Array(70_000))],
  ['a nest of indefinite lengths', 'request_malformed', () => Buffer.alloc(100_000, Buffer.of(0x30, 0x80))],
  ['an empty list of names', 'request_malformed', () => asking(extension(Oid.subjectAltName, write.sequence()))],
  ['an empty list of purposes', 'request_malformed', () => asking(extension(Oid.extendedKeyUsage, write.sequence()))],
  ['a NUL in a name', 'request_malformed', () => asking(san(dns('orders\0.evil')))],
  ['an extension twice', 'request_malformed', () => asking(san(dns('a')), san(dns('b')))],
  [
    'a flipped signature bit',
    'proof_of_possession_failed',
    () => flipped(certificationRequest({ key: generateTestKeyPair('Ed25519').privateKey })),
  ],
  [
    "another key's signature",
    'proof_of_possession_failed',
    () => certificationRequest({ signer: generateTestKeyPair().privateKey }),
  ],
  [
    'RSA with 1024 bits',
    'public_key_not_allowed',
    () => certificationRequest({ key: generateTestKeyPair('RSA-1024').privateKey }),
  ],
  [
    'RSA with exponent 3',
    'public_key_not_allowed',
    () =>
      certificationRequest({ key: generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).privateKey }),
  ],
  [
    'CA:TRUE',
    'ca_not_allowed',
    () => asking(encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: undefined })),
  ],
  [
    'CA:TRUE with a path length',
    'ca_not_allowed',
    () => asking(encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: 3 })),
  ],
  [
    'a path length alone',
    'ca_not_allowed',
    () => asking(encodeExtensionOf.basicConstraints({ cA: false, pathLenConstraint: 0 })),
  ],
  ['keyCertSign', 'key_usage_not_allowed', () => asking(encodeExtensionOf.keyUsage([KeyUsage.keyCertSign]))],
  [
    'cRLSign beside digitalSignature',
    'key_usage_not_allowed',
    () => asking(encodeExtensionOf.keyUsage([KeyUsage.digitalSignature, KeyUsage.cRLSign])),
  ],
  [
    'keyEncipherment for an EC key',
    'key_usage_not_allowed',
    () => asking(encodeExtensionOf.keyUsage([KeyUsage.keyEncipherment])),
  ],
  [
    'OCSPSigning',
    'extended_key_usage_not_allowed',
    () => asking(encodeExtensionOf.extendedKeyUsage([Oid.ocspSigning])),
  ],
  [
    'anyExtendedKeyUsage',
    'extended_key_usage_not_allowed',
    () => asking(encodeExtensionOf.extendedKeyUsage([Oid.anyExtendedKeyUsage])),
  ],
  [
    'codeSigning beside clientAuth',
    'extended_key_usage_not_allowed',
    () => asking(encodeExtensionOf.extendedKeyUsage([Oid.clientAuth, Oid.codeSigning])),
  ],
  [
    'serverAuth of a client',
    'extended_key_usage_not_allowed',
    () => asking(encodeExtensionOf.extendedKeyUsage([Oid.serverAuth])),
    { profile: 'client' },
  ],
  [
    'an unknown critical extension',
    'extension_not_allowed',
    () => asking(extension('1.3.6.1.4.1.99999.1', nullValue, true)),
  ],
  ['an unknown extension', 'extension_not_allowed', () => asking(extension('1.3.6.1.4.1.99999.1', nullValue))],
  ['OCSP no check', 'extension_not_allowed', () => asking(extension(Oid.ocspNoCheck, nullValue))],
  [
    'name constraints',
    'extension_not_allowed',
    () => asking(encodeExtensionOf.nameConstraints({ permittedSubtrees: [dns('evil')], excludedSubtrees: [] })),
  ],
  [
    'certificate policies',
    'extension_not_allowed',
    () => asking(encodeExtensionOf.certificatePolicies([Oid.anyPolicy])),
  ],
  [
    'CRL distribution points',
    'extension_not_allowed',
    () => asking(encodeExtensionOf.crlDistributionPoints(['http://evil/crl'])),
  ],
  [
    'an authorityKeyIdentifier',
    'extension_not_allowed',
    () => asking(encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Uint8Array.of(1) })),
  ],
  [
    "another key's identifier",
    'extension_not_allowed',
    () => asking(encodeExtensionOf.subjectKeyIdentifier(Uint8Array.of(1, 2, 3))),
  ],
  ['two common names', 'subject_not_allowed', () => certificationRequest({ subject: cn('orders', 'admin-client') })],
  [
    'two attributes in one RDN',
    'subject_not_allowed',
    () =>
      certificationRequest({
        subject: encodeName([
          [
            { type: Oid.commonName, value: 'orders' },
            { type: Oid.userId, value: 'admin' },
          ],
        ]),
      }),
  ],
  [
    'another organization',
    'subject_not_allowed',
    () => certificationRequest({ subject: nameFrom({ organization: 'Evil', commonName: 'orders' }) }),
  ],
  [
    'an attribute of another type',
    'subject_not_allowed',
    () =>
      certificationRequest({
        subject: encodeName([
          [{ type: Oid.commonName, value: 'orders' }],
          [{ type: Oid.organizationalUnitName, value: 'admins' }],
        ]),
      }),
  ],
  [
    "another service's name",
    'subject_not_allowed',
    () => certificationRequest({ commonName: 'admin-client' }),
    { service: 'orders' },
  ],
  ['no name at all', 'service_name_malformed', () => certificationRequest({ subject: encodeName([]) })],
  ['capitals', 'service_name_malformed', () => certificationRequest({ commonName: 'Orders' })],
  [
    'a NUL in the common name',
    'service_name_malformed',
    () => certificationRequest({ commonName: 'admin-client\0.evil' }),
  ],
  ['a line break', 'service_name_malformed', () => certificationRequest({ commonName: 'orders\n{"level":"fatal"}' })],
  ['a slash', 'service_name_malformed', () => certificationRequest({ commonName: 'orders/CN=admin' })],
  ['a comma', 'service_name_malformed', () => certificationRequest({ commonName: 'orders,CN=admin' })],
  ['an empty common name', 'service_name_malformed', () => certificationRequest({ commonName: '' })],
  ['64 characters', 'service_name_malformed', () => certificationRequest({ commonName: 'a'.repeat(64) })],
  [
    '64 characters in two labels',
    'service_name_malformed',
    () => certificationRequest({ commonName: `${'a'.repeat(60)}.abc` }),
  ],
  ['an address as a name', 'service_name_malformed', () => certificationRequest({ commonName: '10.0.0.1' })],
  [
    'a letter that looks like another',
    'service_name_malformed',
    () => certificationRequest({ commonName: '\u043erders' }),
  ],
  ['a wildcard', 'name_malformed', () => asking(san(dns('*.example.org')))],
  ['a wildcard for everything', 'name_malformed', () => asking(san(dns('*.com')))],
  ['an empty label', 'name_malformed', () => asking(san(dns('a..b')))],
  ['a trailing dot', 'name_malformed', () => asking(san(dns('example.org.')))],
  ['an address as a DNS name', 'name_malformed', () => asking(san(dns('1.2.3.4')))],
  ['punycode for nothing', 'name_malformed', () => asking(san(dns('xn--\u0061')))],
  ['punycode that is not canonical', 'name_malformed', () => asking(san(dns('xn---urn.example.org')))],
  ['an underscore', 'name_malformed', () => asking(san(dns('a_b.example.org')))],
  ['a space', 'name_malformed', () => asking(san(dns('a b')))],
  ['a label of 64 characters', 'name_malformed', () => asking(san(dns(`${'a'.repeat(64)}.org`)))],
  ['a name of 254 characters', 'name_malformed', () => asking(san(dns(`${'a.'.repeat(126)}aa`)))],
  [
    'an address of five octets',
    'request_malformed',
    () => asking(san({ kind: 'ip', value: new Uint8Array(5).fill(1) })),
  ],
  ['an address with a mask', 'request_malformed', () => asking(san({ kind: 'ip', value: new Uint8Array(8).fill(1) }))],
  ['the unspecified address', 'name_malformed', () => asking(san({ kind: 'ip', value: ipFromString('0.0.0.0')! }))],
  ['the unspecified address of IPv6', 'name_malformed', () => asking(san({ kind: 'ip', value: ipFromString('::')! }))],
  ['a multicast address', 'name_malformed', () => asking(san({ kind: 'ip', value: ipFromString('ff02::1')! }))],
  ['a relative URI', 'name_malformed', () => asking(san(uri('/orders')))],
  ['a URI with a user', 'name_malformed', () => asking(san(uri('https://admin@example.org/')))],
  ['a URI that climbs', 'name_malformed', () => asking(san(uri('https://example.org/a/../admin')))],
  ['a URI that climbs at its end', 'name_malformed', () => asking(san(uri('https://example.org/a/..')))],
  ['an octet in small letters in a URI', 'name_malformed', () => asking(san(uri('https://example.org/%c3%a9')))],
  ['a SPIFFE ID that climbs', 'name_malformed', () => asking(san(uri('spiffe://example.org/a/../admin')))],
  ['a SPIFFE ID with a percent sign', 'name_malformed', () => asking(san(uri('spiffe://example.org/%61dmin')))],
  ['a SPIFFE ID in no domain', 'name_malformed', () => asking(san(uri('spiffe://example..org/orders')))],
  ['the SPIFFE ID of a trust domain', 'name_malformed', () => asking(san(uri('spiffe://example.org')))],
  ['a SPIFFE ID with a query', 'name_malformed', () => asking(san(uri('spiffe://example.org/orders?x=1')))],
  ['an email address', 'name_not_allowed', () => asking(san({ kind: 'email', value: 'admin@example.org' }))],
  [
    'a directory name',
    'name_not_allowed',
    () => asking(san({ kind: 'directory', value: nameFrom({ commonName: 'admin-client' }) })),
  ],
  [
    'a user principal name',
    'name_not_allowed',
    () => asking(san({ kind: 'other', type: '1.3.6.1.4.1.311.20.2.3', value: write.utf8String('admin') })),
  ],
  ['a registered identifier', 'name_not_allowed', () => asking(san({ kind: 'registeredId', value: '1.2.3' }))],
  [
    'an X.400 address',
    'name_not_allowed',
    () => asking(extension(Oid.subjectAltName, write.sequence(write.element(contextConstructed(3), nullValue)))),
  ],
  [
    'a name of somebody else',
    'name_not_allowed',
    () => asking(san(dns('admin.example.org'))),
    { granted: { service: 'orders', names: [dns('orders.example.org')] } },
  ],
  [
    "an address that is not its sender's",
    'name_not_allowed',
    () => asking(san({ kind: 'ip', value: ipFromString('10.0.0.1')! })),
    { granted: { service: 'orders', names: [] } },
  ],
  [
    'a service that was not granted',
    'name_not_allowed',
    () => certificationRequest({ commonName: 'admin-client' }),
    { granted: { service: 'orders', names: [dns('admin-client')] } },
  ],
  [
    'a hundred and one names',
    'too_many_names',
    () => asking(san(...Array.from({ length: 101 }, (_, i) => dns(`n${i}.example.org`)))),
  ],
  ['a profile of CAs', 'profile_unknown', () => certificationRequest(), { profile: 'issuing' }],
  ["a profile of Object's", 'profile_unknown', () => certificationRequest(), { profile: '__proto__' }],
  ['a lifetime of ten years', 'lifetime_not_allowed', () => certificationRequest(), { lifetime: 315_360_000 }],
  ['a lifetime of no time', 'lifetime_not_allowed', () => certificationRequest(), { lifetime: 0 }],
  ['a lifetime before its beginning', 'lifetime_not_allowed', () => certificationRequest(), { lifetime: -1 }],
  ['half a second', 'lifetime_not_allowed', () => certificationRequest(), { lifetime: 0.5 }],
  ['for ever', 'lifetime_not_allowed', () => certificationRequest(), { lifetime: Number.NaN }],
  // Keys that are weak, of another kind, or none.
  ['an even modulus', 'proof_of_possession_failed', () => ofKey(rsaKey(even(2048), 65_537n), exponentOne)],
  ['RSA with exponent 1', 'public_key_not_allowed', () => ofKey(rsaKey(odd(2048), 1n), exponentOne)],
  ['RSA with exponent 0', 'proof_of_possession_failed', () => ofKey(rsaKey(odd(2048), 0n), exponentOne)],
  ['RSA with a negative modulus', 'request_malformed', () => ofKey(negativeRsaKey(), exponentOne)],
  ['RSA of 20 000 bits', 'proof_of_possession_failed', () => ofKey(rsaKey(odd(20_000), 65_537n), exponentOne)],
  ['secp256k1', 'proof_of_possession_failed', () => signedBy(ecKey('secp256k1'))],
  ['P-224', 'proof_of_possession_failed', () => signedBy(ecKey('secp224r1'))],
  ['P-192', 'proof_of_possession_failed', () => signedBy(ecKey('prime192v1'))],
  ['brainpoolP256r1', 'proof_of_possession_failed', () => signedBy(ecKey('brainpoolP256r1'))],
  ['Ed448', 'proof_of_possession_failed', () => signedBy(generateKeyPairSync('ed448').privateKey)],
  ['X25519', 'proof_of_possession_failed', () => ofKey(spkiOf(generateKeyPairSync('x25519').privateKey), garbage)],
  [
    'DSA',
    'proof_of_possession_failed',
    () => signedBy(generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 }).privateKey),
  ],
  ['a point that is not on the curve', 'proof_of_possession_failed', () => ofKey(p256Key(offCurve()), garbage)],
  ['the point at infinity', 'request_malformed', () => ofKey(p256Key(Buffer.of(0)), garbage)],
  ['a compressed point', 'proof_of_possession_failed', () => ofKey(p256Key(compressed()), garbage)],
  [
    'a point of another curve',
    'request_malformed',
    () => ofKey(p256Key(Buffer.concat([Buffer.of(4), Buffer.alloc(96, 7)])), garbage),
  ],
  [
    'a key of zeros',
    'proof_of_possession_failed',
    () => ofKey(p256Key(Buffer.concat([Buffer.of(4), Buffer.alloc(64)])), garbage),
  ],
  [
    'explicit curve parameters',
    'proof_of_possession_failed',
    () =>
      ofKey(
        keyOf(write.sequence(write.oid(Oid.ecPublicKey), write.sequence(write.integer(1))), Buffer.alloc(65, 4)),
        garbage,
      ),
  ],
  [
    'an EC key without a curve',
    'proof_of_possession_failed',
    () => ofKey(keyOf(write.sequence(write.oid(Oid.ecPublicKey)), Buffer.alloc(65, 4)), garbage),
  ],
  [
    'an Ed25519 key of 31 octets',
    'request_malformed',
    () => ofKey(keyOf(write.sequence(write.oid(Oid.ed25519)), Buffer.alloc(31, 4)), garbage),
  ],
  ['a key with unused bits', 'request_malformed', () => ofKey(spkiWithUnusedBits(), garbage)],
  // Signatures.
  ['an empty signature', 'proof_of_possession_failed', () => ofKey(spkiOf(ecKey('P-256')), () => Buffer.alloc(0))],
  [
    'a signature of zeros',
    'proof_of_possession_failed',
    () => ofKey(spkiOf(ecKey('P-256')), () => write.sequence(write.integer(0), write.integer(0))),
  ],
  [
    'a signature over something else',
    'proof_of_possession_failed',
    () => signedBy(ecKey('P-256'), Oid.ecdsaWithSha256, () => Buffer.from('else')),
  ],
  ['an ECDSA signature with SHA-1', 'proof_of_possession_failed', () => signedBy(ecKey('P-256'), '1.2.840.10045.4.1')],
  ['an RSA signature with MD5', 'proof_of_possession_failed', () => signedBy(rsa(), '1.2.840.113549.1.1.4')],
  [
    "another key type's algorithm",
    'proof_of_possession_failed',
    () => signedBy(ecKey('P-256'), Oid.sha256WithRsaEncryption),
  ],
  ['an algorithm nobody knows', 'proof_of_possession_failed', () => signedBy(ecKey('P-256'), '1.2.3.4')],
  // The structure.
  [
    'an indefinite length',
    'request_malformed',
    () => Buffer.concat([Buffer.of(0x30, 0x80), certificationRequest().subarray(4), Buffer.of(0, 0)]),
  ],
  ['a length that is longer than it must be', 'request_malformed', () => longLength(certificationRequest())],
  ['a length of four gigabytes', 'request_malformed', () => Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x02)],
  [
    'a PEM block in a PEM block',
    'request_malformed',
    () => encodePem('CERTIFICATE REQUEST', Buffer.from(certificationRequestPem())),
  ],
  ['PEM without an end', 'request_malformed', () => certificationRequestPem().replace(/-----END.*/, '')],
  [
    'PEM with another end',
    'request_malformed',
    () => certificationRequestPem().replace('END CERTIFICATE REQUEST', 'END CERTIFICATE'),
  ],
  ['PEM that is not base64', 'request_malformed', () => certificationRequestPem().replace(/\n[A-Za-z]/, '\n*')],
  ['a private key', 'request_malformed', () => encodePem('PRIVATE KEY', Buffer.alloc(32))],
  ['version 2', 'request_malformed', () => rawRequest({ version: 1 })],
  ['version -1', 'request_malformed', () => rawRequest({ version: -1 })],
  ['no attributes field', 'request_malformed', () => rawRequest({ attributes: [] })],
  [
    'attributes twice',
    'request_malformed',
    () => rawRequest({ attributes: [write.element(contextConstructed(0)), write.element(contextConstructed(0))] }),
  ],
  [
    'extensionRequest twice',
    'request_malformed',
    () =>
      rawRequest({
        attributes: [
          write.element(contextConstructed(0), extensionRequest(san(dns('a'))), extensionRequest(san(dns('b')))),
        ],
      }),
  ],
  [
    'an extensionRequest with two values',
    'request_malformed',
    () =>
      rawRequest({
        attributes: [
          write.element(
            contextConstructed(0),
            write.sequence(
              write.oid(Oid.extensionRequest),
              write.element(Tag.SET, extensionsOf(san(dns('a'))), extensionsOf(san(dns('b')))),
            ),
          ),
        ],
      }),
  ],
  [
    'an extensionRequest with no value',
    'request_malformed',
    () =>
      rawRequest({
        attributes: [
          write.element(contextConstructed(0), write.sequence(write.oid(Oid.extensionRequest), write.element(Tag.SET))),
        ],
      }),
  ],
  [
    'sixty-five extensions',
    'request_malformed',
    () => asking(...Array.from({ length: 65 }, (_, i) => extension(`1.2.3.${i}`, nullValue))),
  ],
  [
    'an extension that is not in its form',
    'request_malformed',
    () => asking(extension(Oid.basicConstraints, write.integer(1))),
  ],
  [
    'an extension with octets behind it',
    'request_malformed',
    () => asking(extension(Oid.keyUsage, Buffer.concat([encodeExtensionOf.keyUsage([0]).value, Buffer.of(5, 0)]))),
  ],
  [
    'a key usage without a bit',
    'request_malformed',
    () => asking(extension(Oid.keyUsage, write.bitString(Buffer.alloc(0)))),
  ],
  // What only a CA gives.
  ['noRevAvail', 'extension_not_allowed', () => asking(encodeExtensionOf.noRevAvail())],
  ['must-staple', 'extension_not_allowed', () => asking(encodeExtensionOf.tlsFeature([5]))],
  [
    'the location of an OCSP responder',
    'extension_not_allowed',
    () =>
      asking(
        encodeExtensionOf.authorityInfoAccess([
          { accessMethod: Oid.ocsp, accessLocation: uri('http://evil.example/ocsp') },
        ]),
      ),
  ],
  // Names.
  ['a homograph in a DNS name', 'request_malformed', () => asking(rawDns('\u0430dmin.example.org'))],
  ['an octet above ASCII in a DNS name', 'request_malformed', () => asking(rawDns('b\u00fccher.example'))],
  ['a tab in a DNS name', 'request_malformed', () => asking(san(dns('a\tb')))],
  ['a line break in a DNS name', 'request_malformed', () => asking(san(dns('a\r\nb')))],
  ['a wildcard inside', 'name_malformed', () => asking(san(dns('a.*.example.org')))],
  ['a wildcard as a part', 'name_malformed', () => asking(san(dns('a*.example.org')))],
  ['two wildcards', 'name_malformed', () => asking(san(dns('*.*.example.org')))],
  ['a lone wildcard', 'name_malformed', () => asking(san(dns('*')))],
  ['a leading dot', 'name_malformed', () => asking(san(dns('.example.org')))],
  ['no characters', 'name_malformed', () => asking(san(dns('')))],
  ['a hyphen first', 'name_malformed', () => asking(san(dns('-a.example.org')))],
  ['an IPv6 address as a DNS name', 'name_malformed', () => asking(san(dns('::1')))],
  ['an address in hexadecimal', 'name_malformed', () => asking(san(dns('0x7f000001.1')))],
  ['an address as one number', 'name_malformed', () => asking(san(dns('2130706433')))],
  ['a port behind a name', 'name_malformed', () => asking(san(dns('example.org:443')))],
  ['a user before a name', 'name_malformed', () => asking(san(dns('admin@example.org')))],
  ['a URI as a DNS name', 'name_malformed', () => asking(san(dns('https://example.org')))],
  ['a reserved label', 'name_malformed', () => asking(san(dns('ab--cd.example.org')))],
  ['punycode in capitals that decodes to ASCII', 'name_malformed', () => asking(san(dns('XN--ADMIN-.example.org')))],
  ['a broadcast address', 'name_malformed', () => asking(san({ kind: 'ip', value: Buffer.alloc(4, 255) }))],
  ['an address of this network', 'name_malformed', () => asking(san({ kind: 'ip', value: Buffer.of(0, 1, 2, 3) }))],
  ['no octets of an address', 'request_malformed', () => asking(san({ kind: 'ip', value: Buffer.alloc(0) }))],
  ['a URI with a query', 'name_malformed', () => asking(san(uri('https://example.org/?a=b')))],
  ['a URI with a fragment', 'name_malformed', () => asking(san(uri('https://example.org/#a')))],
  ['a URI with a port', 'name_malformed', () => asking(san(uri('https://example.org:8443/')))],
  ['a URI without a host', 'name_malformed', () => asking(san(uri('file:///etc/passwd')))],
  ['a script', 'name_malformed', () => asking(san(uri('javascript:alert(1)')))],
  ['a NUL in a URI', 'request_malformed', () => asking(san(uri('https://example.org/\0')))],
  ['a SPIFFE ID with a port', 'name_malformed', () => asking(san(uri('spiffe://example.org:80/a')))],
  [
    'two SPIFFE IDs',
    'name_not_allowed',
    () => asking(san(uri('spiffe://example.org/a'), uri('spiffe://example.org/b'))),
  ],
  [
    'a common name that turns around',
    'service_name_malformed',
    () => certificationRequest({ commonName: 'orders\u202egnp' }),
  ],
  [
    'a common name that cannot be seen',
    'service_name_malformed',
    () => certificationRequest({ commonName: 'or\u200bders' }),
  ],
  ['a common name in full width', 'service_name_malformed', () => certificationRequest({ commonName: '\uff4frders' })],
  ['a common name with a wildcard', 'service_name_malformed', () => certificationRequest({ commonName: '*' })],
  [
    'a common name with a trailing dot',
    'service_name_malformed',
    () => certificationRequest({ commonName: 'orders.' }),
  ],
  [
    'a common name with a space behind',
    'service_name_malformed',
    () => certificationRequest({ commonName: 'orders ' }),
  ],
  [
    'a common name of 10 000 letters',
    'service_name_malformed',
    () => certificationRequest({ commonName: 'a'.repeat(10_000) }),
  ],
  [
    'a path in the common name',
    'service_name_malformed',
    () => certificationRequest({ commonName: '../../etc/passwd' }),
  ],
  [
    'the organization twice',
    'subject_not_allowed',
    () =>
      certificationRequest({
        subject: encodeName(['VERITAS Framework', 'Evil'].map((value) => [{ type: Oid.organizationName, value }])),
      }),
  ],
  [
    'a profile of responders in capitals',
    'profile_unknown',
    () => certificationRequest(),
    { profile: 'OCSP-Responder' },
  ],
  ['a CA by its profile', 'profile_unknown', () => certificationRequest(), { profile: 'intermediate' }],
  // Keys that are written otherwise than a certificate writes them, or were made badly.
  ['a compressed point, well signed', 'public_key_not_allowed', () => ofPoint((key) => compressed(pointOf(key)))],
  ['a point of the hybrid form', 'request_malformed', () => ofPoint((key) => hybrid(pointOf(key)))],
  [
    'a curve that is inherited',
    'proof_of_possession_failed',
    () => ofPoint(pointOf, write.sequence(write.oid(Oid.ecPublicKey), nullValue)),
  ],
  [
    'a key for ECDH alone',
    'proof_of_possession_failed',
    () => ofPoint(pointOf, write.sequence(write.oid('1.3.132.1.12'), write.oid(Oid.p256))),
  ],
  ['an RSA key without parameters', 'request_malformed', () => ofRsaParameters()],
  ['an RSA key with other parameters', 'request_malformed', () => ofRsaParameters(write.integer(5))],
  [
    'RSA of 2050 bits',
    'public_key_not_allowed',
    () => certificationRequest({ key: generateKeyPairSync('rsa', { modulusLength: 2050 }).privateKey }),
  ],
  ['primes of CVE-2017-15361 (ROCA)', 'public_key_not_allowed', () => fixture('roca')],
  ['primes that are close to each other', 'public_key_not_allowed', () => fixture('close-primes')],
  ['RSA with an even exponent', 'proof_of_possession_failed', () => ofKey(rsaKey(odd(2048), 65_538n), exponentOne)],
  ['RSA with a negative exponent', 'request_malformed', () => ofKey(negativeExponent(), exponentOne)],
  ['the neutral element of Ed25519', 'proof_of_possession_failed', () => neutralElement()],
  [
    'an ECDSA signature with parameters',
    'proof_of_possession_failed',
    () => rawRequest({ algorithm: write.sequence(write.oid(Oid.ecdsaWithSha256), nullValue) }),
  ],
  // Attributes.
  ['two passwords', 'request_malformed', () => rawRequest({ attributes: attributes(password('a'), password('b')) })],
  [
    'attributes in another order than DER has',
    'request_malformed',
    () =>
      rawRequest({
        attributes: [write.element(contextConstructed(0), extensionRequest(san(dns('a'))), password('a'))],
      }),
  ],
  [
    'seventeen attributes',
    'request_malformed',
    () =>
      rawRequest({
        attributes: attributes(...Array.from({ length: 17 }, (_, i) => attribute(`1.2.3.${i}`, nullValue))),
      }),
  ],
  [
    'an extensionRequest without an extension',
    'request_malformed',
    () => rawRequest({ attributes: attributes(attribute(Oid.extensionRequest, write.sequence())) }),
  ],
  [
    'CA:TRUE in an attribute of Microsoft’s',
    'extension_not_allowed',
    () =>
      rawRequest({
        attributes: attributes(
          attribute(
            '1.3.6.1.4.1.311.2.1.14',
            extensionsOf(encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: undefined })),
          ),
        ),
      }),
  ],
  // Text.
  ['surrogates in a BMPString', 'request_malformed', () => named(Tag.BMP_STRING, 'd83ddc00')],
  ['half a character', 'request_malformed', () => named(Tag.BMP_STRING, '006f00')],
  ['a letter in more octets than it takes', 'request_malformed', () => named(Tag.UTF8_STRING, 'c1af')],
  ['a surrogate in UTF-8', 'request_malformed', () => named(Tag.UTF8_STRING, 'eda080')],
  ['a PrintableString with an asterisk', 'request_malformed', () => named(Tag.PRINTABLE_STRING, '612a')],
  ['a string in pieces', 'request_malformed', () => named(0x2c, '0c066f7264657273')],
  ['a common name that is a number', 'subject_not_allowed', () => named(Tag.INTEGER, '01')],
  ['sixty-five parts of a subject', 'request_malformed', () => rawRequest({ subject: manyParts(65) })],
  ['ten thousand parts of a subject', 'request_malformed', () => rawRequest({ subject: manyParts(10_000) })],
  // Octets of extensions.
  [
    'a name in pieces',
    'request_malformed',
    () =>
      asking(
        extension(
          Oid.subjectAltName,
          write.sequence(write.element(contextConstructed(2), write.element(Tag.IA5_STRING, Buffer.from('a')))),
        ),
      ),
  ],
  [
    'CA:FALSE that is written out',
    'request_malformed',
    () => asking(extension(Oid.basicConstraints, write.sequence(write.boolean(false)))),
  ],
  [
    'CA:TRUE that is 1',
    'request_malformed',
    () => asking(extension(Oid.basicConstraints, write.sequence(write.element(Tag.BOOLEAN, Buffer.of(1))))),
  ],
  [
    'a key usage with zeros behind',
    'request_malformed',
    () => asking(extension(Oid.keyUsage, Buffer.from('03020080', 'hex'))),
  ],
  [
    'a purpose whose number is padded',
    'request_malformed',
    () => asking(extension(Oid.extendedKeyUsage, Buffer.from('300b06092b8006010505070302', 'hex'))),
  ],
  [
    'PEM with headers',
    'request_malformed',
    () => certificationRequestPem().replace('REQUEST-----', 'REQUEST-----\nProc-Type: 4,ENCRYPTED\n'),
  ],
  // Names that two readers see two ways.
  [
    'an IPv4 address in an IPv6 address',
    'name_malformed',
    () => asking(san({ kind: 'ip', value: ipFromString('::ffff:7f00:1')! })),
  ],
  [
    'a mailbox with quotes',
    'name_not_allowed',
    () => asking(san({ kind: 'email', value: '"admin@a.example"@example.org' })),
  ],
];

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, `../fixtures/requests/${name}.pem`), 'utf8');

const ecKey = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;
const rsa = (): KeyObject => generateTestKeyPair('RSA-2048').privateKey;
const spkiOf = (key: KeyObject): Uint8Array => createPublicKey(key).export({ format: 'der', type: 'spki' });
const keyOf = (algorithm: Uint8Array, octets: Uint8Array): Uint8Array =>
  write.sequence(algorithm, write.bitString(octets));
const p256Key = (point: Uint8Array): Uint8Array =>
  keyOf(write.sequence(write.oid(Oid.ecPublicKey), write.oid(Oid.p256)), point);
const garbage = (): Uint8Array => Buffer.alloc(71, 1);

function offCurve(): Uint8Array {
  const point = Buffer.from(spkiOf(ecKey('P-256')).subarray(-65));
  return flipped(point);
}
const pointOf = (key: KeyObject): Uint8Array => spkiOf(key).subarray(-65);
const compressed = (point = pointOf(ecKey('P-256'))): Uint8Array =>
  Buffer.concat([Buffer.of(2 + ((point[64] ?? 0) & 1)), point.subarray(1, 33)]);
const hybrid = (point: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.of(6 + ((point[64] ?? 0) & 1)), point.subarray(1)]);

/** A request whose key is written as `point` says, signed by it all the same. */
function ofPoint(
  point: (key: KeyObject) => Uint8Array,
  algorithm = write.sequence(write.oid(Oid.ecPublicKey), write.oid(Oid.p256)),
): Uint8Array {
  const key = ecKey('P-256');
  return rawRequest({ key, spki: keyOf(algorithm, point(key)) });
}

/** A request for an RSA key with these parameters of its algorithm, or none. */
function ofRsaParameters(...parameters: readonly Uint8Array[]): Uint8Array {
  const key = rsa();
  const octets = createPublicKey(key).export({ format: 'der', type: 'pkcs1' });
  const spki = keyOf(write.sequence(write.oid(Oid.rsaEncryption), ...parameters), octets);
  return rawRequest({ key, spki, algorithm: write.sequence(write.oid(Oid.sha256WithRsaEncryption), nullValue) });
}

/** With the neutral element as key, and as R, and zero as S: the equation of RFC 8032 §5.1.7 holds whatever was signed. */
function neutralElement(): Uint8Array {
  const neutral = Buffer.alloc(32);
  neutral[0] = 1;
  const info = write.sequence(
    write.integer(0),
    nameFrom({ commonName: 'orders' }).der,
    keyOf(write.sequence(write.oid(Oid.ed25519)), neutral),
    write.element(contextConstructed(0)),
  );
  const signature = Buffer.concat([neutral, Buffer.alloc(32)]);
  return write.sequence(info, write.sequence(write.oid(Oid.ed25519)), write.bitString(signature));
}

const named = (tag: number, hex: string): Uint8Array => rawRequest({ subject: commonNameOf(tag, hex) });
const commonNameOf = (tag: number, hex: string): Uint8Array =>
  write.sequence(
    write.element(Tag.SET, write.sequence(write.oid(Oid.commonName), write.element(tag, Buffer.from(hex, 'hex')))),
  );
const manyParts = (count: number): Uint8Array => {
  const part = write.element(Tag.SET, write.sequence(write.oid(Oid.commonName), write.utf8String('a')));
  return write.sequence(...Array<Uint8Array>(count).fill(part));
};
function spkiWithUnusedBits(): Uint8Array {
  const spki = Buffer.from(spkiOf(ecKey('P-256')));
  const unused = spki.length - 66;
  spki[unused] = 3;
  return spki;
}

const rsaKey = (modulus: Uint8Array, exponent: bigint): Uint8Array =>
  keyOf(
    write.sequence(write.oid(Oid.rsaEncryption), nullValue),
    write.sequence(write.integer(modulus), write.integer(exponent)),
  );
const odd = (bits: number): Uint8Array => Buffer.alloc(bits / 8, 0xf1);
const even = (bits: number): Uint8Array => Buffer.alloc(bits / 8, 0xf2);
const negativeExponent = (): Uint8Array =>
  keyOf(
    write.sequence(write.oid(Oid.rsaEncryption), nullValue),
    write.sequence(write.integer(odd(2048)), write.element(Tag.INTEGER, Buffer.of(0xff))),
  );
const negativeRsaKey = (): Uint8Array =>
  keyOf(
    write.sequence(write.oid(Oid.rsaEncryption), nullValue),
    write.sequence(write.element(Tag.INTEGER, odd(2048)), write.integer(65_537n)),
  );

/** What everybody can make for an RSA key with exponent 1: the padded digest itself (RFC 8017 §9.2). */
function exponentOne(info: Uint8Array): Uint8Array {
  const prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  const digest = Buffer.concat([prefix, createHash('sha256').update(info).digest()]);
  return Buffer.concat([Buffer.of(0, 1), Buffer.alloc(256 - 3 - digest.length, 0xff), Buffer.of(0), digest]);
}

/** A request for a key in octets, with the signature that `signature` makes of what is to be signed. */
function ofKey(spki: Uint8Array, signature: (info: Uint8Array) => Uint8Array): Uint8Array {
  const info = write.sequence(
    write.integer(0),
    nameFrom({ commonName: 'orders' }).der,
    spki,
    write.element(contextConstructed(0)),
  );
  const isRsa = signature === exponentOne;
  const algorithm = isRsa
    ? write.sequence(write.oid(Oid.sha256WithRsaEncryption), nullValue)
    : write.sequence(write.oid(Oid.ecdsaWithSha256));
  return write.sequence(info, algorithm, write.bitString(signature(info)));
}

/** A request that its own key signs, under an algorithm that its key may not be for. */
function signedBy(key: KeyObject, algorithm?: string, what = (info: Uint8Array): Uint8Array => info): Uint8Array {
  const edwards = key.asymmetricKeyType === 'ed448';
  const oid =
    algorithm ??
    (edwards ? '1.3.101.113' : key.asymmetricKeyType === 'dsa' ? '2.16.840.1.101.3.4.3.2' : Oid.ecdsaWithSha256);
  const info = write.sequence(
    write.integer(0),
    nameFrom({ commonName: 'orders' }).der,
    spkiOf(key),
    write.element(contextConstructed(0)),
  );
  const digest = edwards ? null : oid.endsWith('10045.4.1') ? 'sha1' : oid.endsWith('1.1.4') ? 'md5' : 'sha256';
  const parameters = oid.startsWith('1.2.840.113549') ? [nullValue] : [];
  return write.sequence(
    info,
    write.sequence(write.oid(oid), ...parameters),
    write.bitString(sign(digest, what(info), key)),
  );
}

/** A request in order but for what is given, signed. */
function rawRequest({
  version = 0,
  subject = nameFrom({ commonName: 'orders' }).der,
  key = ecKey('P-256'),
  spki = spkiOf(key),
  attributes = [write.element(contextConstructed(0))],
  algorithm = write.sequence(write.oid(Oid.ecdsaWithSha256)),
}: {
  version?: number;
  subject?: Uint8Array;
  key?: KeyObject;
  spki?: Uint8Array;
  attributes?: Uint8Array[];
  algorithm?: Uint8Array;
}): Uint8Array {
  const number = version < 0 ? write.element(Tag.INTEGER, Buffer.of(0xff)) : write.integer(version);
  const info = write.sequence(number, subject, spki, ...attributes);
  return write.sequence(info, algorithm, write.bitString(sign('sha256', info, key)));
}

const extensionsOf = ({ oid, value }: Extension): Uint8Array =>
  write.sequence(write.sequence(write.oid(oid), write.octetString(value)));
const attribute = (oid: string, ...values: Uint8Array[]): Uint8Array =>
  write.sequence(write.oid(oid), write.element(Tag.SET, ...values));
const extensionRequest = (of: Extension): Uint8Array => attribute(Oid.extensionRequest, extensionsOf(of));
const password = (text: string): Uint8Array => attribute(Oid.challengePassword, write.printableString(text));
/** The field with attributes in DER's order. */
const attributes = (...all: Uint8Array[]): Uint8Array[] => [
  write.element(contextConstructed(0), ...all.toSorted((a, b) => Buffer.compare(a, b))),
];

/** A length in one octet more than it needs (X.690 §10.1). */
const longLength = (octets: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.of(0x30, 0x83, 0), octets.subarray(2, 4), octets.subarray(4)]);

/** A dNSName with octets that no IA5String has. */
const rawDns = (text: string): Extension =>
  extension(Oid.subjectAltName, write.sequence(write.element(context(2), Buffer.from(text))));
