import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import {
  certificationRequest,
  certificationRequestPem,
  extension,
  nullValue,
} from '../../../test/support/certification-request.js';
import {
  openTemporaryAuthority,
  somebody,
  type TemporaryAuthority,
} from '../../../test/support/temporary-authority.js';
import { contextConstructed, write } from '../../der/index.js';
import { listAudit } from '../../store/index.js';
import { generateTestKeyPair } from '../../testing/index.js';
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
} from '../../x509/index.js';
import type { IssueRequest } from '../ca.service.js';
import { openKeyFile } from '../issuer/file-signer.js';
import { keyFileOf } from '../issuer/authority.js';
import type { PkiErrorCode } from '../pki-error.js';

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
const unknownAlgorithm = write.sequence(write.sequence(write.oid('1.2.3.4')), write.bitString(Uint8Array.of(1, 2, 3)));

/** Each row: what it is, the code, the request, and what its sender says beside it. */
const hostile: [string, PkiErrorCode, () => IssueRequest['request'], Partial<IssueRequest>?][] = [
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
  ['a multicast address', 'name_malformed', () => asking(san({ kind: 'ip', value: ipFromString('ff02::1')! }))],
  ['a relative URI', 'name_malformed', () => asking(san(uri('/orders')))],
  ['a URI with a user', 'name_malformed', () => asking(san(uri('https://admin@example.org/')))],
  ['a SPIFFE ID that climbs', 'name_malformed', () => asking(san(uri('spiffe://example.org/a/../admin')))],
  ['a SPIFFE ID with a percent sign', 'name_malformed', () => asking(san(uri('spiffe://example.org/%61dmin')))],
  ['a SPIFFE ID in no domain', 'name_malformed', () => asking(san(uri('spiffe://example..org/orders')))],
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
    { allowedNames: [dns('orders.example.org')] },
  ],
  [
    "an address that is not its sender's",
    'name_not_allowed',
    () => asking(san({ kind: 'ip', value: ipFromString('10.0.0.1')! })),
    { allowedNames: [] },
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
];

describe('hostile requests', () => {
  let temporary: TemporaryAuthority;
  let rows: number;
  beforeAll(async () => {
    temporary = await openTemporaryAuthority();
    rows = (await listAudit(temporary.store.database, 0, 100)).length;
  });
  afterAll(() => temporary.close());

  it.each(hostile.map(([what, code, request, more]) => ({ what, code, request, more })))(
    'refuses $what with $code',
    async ({ code, request, more }) => {
      const refused: string[] = [];
      const off = temporary.authority.events.on('issuance.refused', (event) => refused.push(event.code));
      await expect(
        temporary.authority.ca.issue({ request: request(), requester: somebody, ...more }),
      ).rejects.toMatchObject({
        name: 'PkiError',
        code,
        status: 400,
      });
      off();
      expect(refused).toEqual([code]);
    },
  );

  it('refuses a key of an algorithm that it does not know, before it looks at anything', async () => {
    const info = write.sequence(
      write.integer(0),
      nameFrom({ commonName: 'orders' }).der,
      unknownAlgorithm,
      write.element(contextConstructed(0)),
    );
    const request = write.sequence(
      info,
      write.sequence(write.oid(Oid.ecdsaWithSha256)),
      write.bitString(Uint8Array.of(0)),
    );
    await expect(temporary.authority.ca.issue({ request, requester: somebody })).rejects.toMatchObject({
      code: 'proof_of_possession_failed',
    });
  });

  it("refuses the CA's own key", async () => {
    const key = await openKeyFile(keyFileOf(temporary.settings, 'issuing'));
    await expect(
      temporary.authority.ca.issue({ request: certificationRequest({ key }), requester: somebody }),
    ).rejects.toMatchObject({ code: 'public_key_not_allowed' });
  });

  it('signed, stored and recorded nothing of all this', async () => {
    expect(hostile.length).toBeGreaterThanOrEqual(30);
    expect((await temporary.authority.ca.list()).rows.map(({ profile }) => profile).sort()).toEqual([
      'issuing',
      'root',
    ]);
    expect(await listAudit(temporary.store.database, rows, 10)).toEqual([]);
  });
});
