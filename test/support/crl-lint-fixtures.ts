import { context, Tag, write } from '../../src/der/index.js';
import type { TestCa } from '../../src/testing/index.js';
import {
  algorithmIdentifier,
  decodeCertificateList,
  encodeExtensionOf,
  encodeRevokedCertificate,
  encodeSigned,
  encodeTbsCertList,
  KeyUsage,
  nameFrom,
  Oid,
  signingSchemeFor,
  signOctets,
  type CrlLintSubject,
  type Extension,
  type TbsCertList,
} from '../../src/x509/index.js';
import { elementsOf, lintIssuing, lintRoot, unpairedIdentifier, type OpensslOpinion } from './lint-fixtures.js';

/** A CRL of `ca` that breaks one rule and no other. */
export interface CrlLintFixture {
  readonly rule: string;
  readonly defect: string;
  readonly openssl: OpensslOpinion;
  readonly ca: TestCa;
  readonly subject: () => CrlLintSubject;
}

const hours = (count: number): Date => new Date(Date.now() + count * 3_600_000);
export const number = (value: bigint): Extension => encodeExtensionOf.crlNumber(value);
export const identifierOf = (ca: TestCa): Extension =>
  encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: ca.certificate.extensions.subjectKeyIdentifier });
export const entry = (serial: string, reason = 0): Uint8Array =>
  encodeRevokedCertificate({ serialNumber: Buffer.from(serial, 'hex'), revocationDate: hours(-1), reason });

function signed(tbs: Uint8Array, ca: TestCa, algorithm = signingSchemeFor(ca.key).algorithm): CrlLintSubject {
  const list = decodeCertificateList(encodeSigned(tbs, algorithm, signOctets(tbs, ca.key).signature));
  const previous = { number: 6, thisUpdate: hours(-2) };
  return { list, entries: [...list.revokedCertificates()], issuer: ca.certificate, previous };
}

/** A list without a defect but for `change`. */
export function crlOf(ca: TestCa, change: Partial<TbsCertList> = {}): CrlLintSubject {
  const tbs = encodeTbsCertList({
    signatureAlgorithm: signingSchemeFor(ca.key).algorithm,
    issuer: ca.certificate.subject,
    thisUpdate: hours(-1),
    nextUpdate: hours(24),
    revokedCertificates: [entry('40a1', 1), entry('40a2')],
    extensions: [identifierOf(ca), number(7n)],
    ...change,
  });
  return signed(tbs, ca, change.signatureAlgorithm);
}

const onlyCertificates = lintRoot.intermediate({
  commonName: 'CA without lists',
  extensions: [encodeExtensionOf.keyUsage([KeyUsage.keyCertSign])],
});

/** An entry of the writer's with other octets behind its number: a date, and extensions that are all critical. */
export const entryWith = (
  date: Uint8Array,
  ...critical: readonly (readonly [oid: string, value: Uint8Array])[]
): Uint8Array =>
  write.sequence(
    write.integer(0x40a1),
    date,
    ...(critical.length > 0
      ? [
          write.sequence(
            ...critical.map(([oid, value]) =>
              write.sequence(write.oid(oid), write.boolean(true), write.octetString(value)),
            ),
          ),
        ]
      : []),
  );

/** A sound list whose fields (version, signature, issuer, thisUpdate, nextUpdate, revokedCertificates, …) `change` gives other octets, signed again. */
const rewritten = (change: (fields: Uint8Array[]) => Uint8Array[]) => (): CrlLintSubject =>
  signed(write.sequence(...change(elementsOf(crlOf(lintIssuing).list.tbs))), lintIssuing);

export const boundless = lintRoot.intermediate({ commonName: 'CA above CAs' });
const scope = (...flags: readonly number[]): Extension => ({
  oid: Oid.issuingDistributionPoint,
  critical: true,
  value: write.sequence(...flags.map((flag) => write.element(context(flag), Buffer.of(0xff)))),
});
export const scoped = (ca: TestCa, ...flags: readonly number[]) =>
  list({ extensions: [identifierOf(ca), number(7n), scope(...flags)] }, ca);

function versionOne(): CrlLintSubject {
  const { list } = crlOf(lintIssuing);
  return signed(
    write.sequence(list.signatureAlgorithm.der, list.issuer.der, write.time(list.thisUpdate), write.time(hours(24))),
    lintIssuing,
  );
}

const list =
  (change: Partial<TbsCertList>, ca = lintIssuing) =>
  () =>
    crlOf(ca, change);
const after = (previous: CrlLintSubject['previous']) => () => ({ ...crlOf(lintIssuing), previous });
export const extensions = (...all: Extension[]) => list({ extensions: all });
export const delta = (base: bigint, ...more: Extension[]) =>
  extensions(identifierOf(lintIssuing), number(7n), encodeExtensionOf.deltaCrlIndicator(base), ...more);
export const entries = (...all: Uint8Array[]) => list({ revokedCertificates: all });

const table: readonly (readonly [
  rule: string,
  defect: string,
  openssl: OpensslOpinion,
  subject: () => CrlLintSubject,
  ca?: TestCa,
])[] = [
  ['crl-version', 'version 1', 'accepts', versionOne],
  [
    'crl-signature-algorithm',
    'Ed25519 of a P-256 issuer',
    'refuses',
    list({ signatureAlgorithm: algorithmIdentifier(Oid.ed25519) }),
  ],
  ['crl-issuer', 'another issuer', 'refuses', list({ issuer: nameFrom({ commonName: 'Somebody else' }) })],
  ['crl-issuer-may-sign', 'an issuer without cRLSign', 'refuses', list({}, onlyCertificates), onlyCertificates],
  ['crl-this-update', 'one before the last list', 'accepts', after({ number: 6, thisUpdate: hours(0) })],
  [
    'crl-update-form',
    'GeneralizedTime before 2050',
    'accepts',
    rewritten((fields) => fields.with(3, write.generalizedTime(hours(-1)))),
  ],
  ['crl-next-update', 'one before thisUpdate', 'refuses', list({ nextUpdate: hours(-2) })],
  ['crl-number', 'none', 'accepts', extensions(identifierOf(lintIssuing))],
  ['crl-number-rising', 'the number of the last list', 'accepts', after({ number: 7, thisUpdate: hours(-2) })],
  ['crl-authority-key-identifier', 'none', 'accepts', extensions(number(7n))],
  [
    'crl-authority-key-identifier',
    'the key of somebody else',
    'refuses',
    extensions(encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Buffer.alloc(20, 1) }), number(7n)),
  ],
  [
    'crl-authority-key-identifier-pair',
    'the name of the issuer’s issuer without a serial number',
    'accepts',
    extensions(unpairedIdentifier(lintIssuing), number(7n)),
  ],
  ['crl-delta-base', 'a delta to a list that comes later', 'refuses', delta(8n)],
  [
    'crl-delta-freshest',
    'a delta that says where a delta is',
    'refuses',
    delta(6n, encodeExtensionOf.freshestCrl(['http://ca.example.com/crl/delta.crl'])),
  ],
  ['crl-scope-empty', 'a scope that says nothing', 'accepts', scoped(lintIssuing)],
  ['crl-scope-kinds', 'end entities alone, and CAs alone', 'refuses', scoped(lintIssuing, 1, 2)],
  ['crl-scope-kinds', 'attribute certificates alone', 'refuses', scoped(lintIssuing, 5)],
  ['crl-scope-authorities', 'end entities alone, by a CA above CAs', 'accepts', scoped(boundless, 1), boundless],
  ['crl-entries-absent', 'entries that are none', 'accepts', rewritten((fields) => fields.with(5, write.sequence()))],
  [
    'crl-criticality',
    'a critical number',
    'refuses',
    extensions(identifierOf(lintIssuing), { ...number(7n), critical: true }),
  ],
  [
    'crl-criticality',
    'a critical extension nobody knows',
    'refuses',
    extensions(identifierOf(lintIssuing), number(7n), { oid: '1.2.3.4', critical: true, value: write.nullElement() }),
  ],
  ['crl-entry-serial-number', 'zero', 'accepts', entries(entry('00'))],
  ['crl-entry-unique', 'a number twice', 'accepts', entries(entry('40a1', 1), entry('40a2'), entry('40a1', 4))],
  ['crl-entry-reason', 'removeFromCRL in a complete list', 'accepts', entries(entry('40a1', 8))],
  [
    'crl-entry-date-form',
    'GeneralizedTime before 2050',
    'accepts',
    entries(entry('40a2'), entryWith(write.generalizedTime(hours(-1)))),
  ],
  ['crl-entry-date', 'one after thisUpdate', 'accepts', entries(entryWith(write.time(hours(1))))],
  [
    'crl-entry-criticality',
    'a critical reason',
    'refuses',
    entries(entryWith(write.time(hours(-1)), [Oid.reasonCode, write.integer(1, Tag.ENUMERATED)])),
  ],
  [
    'crl-entry-criticality',
    'a critical extension nobody knows',
    'refuses',
    entries(entryWith(write.time(hours(-1)), ['1.2.3.4', write.nullElement()])),
  ],
];

export const crlLintFixtures: readonly CrlLintFixture[] = table.map(
  ([rule, defect, openssl, subject, ca = lintIssuing]) => ({ rule, defect, openssl, subject, ca }),
);
