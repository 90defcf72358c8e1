import { context, contextConstructed, Tag, type DerReader } from '../der/index.js';
import { decodeDistributionPoints, type DistributionPoint } from './distribution-point.js';
import { decodeExtension, type Extension } from './extension.js';
import { decodeGeneralName, decodeGeneralNames, type GeneralName } from './general-name.js';
import { Oid } from './oids.js';

/** KeyUsage's bits by name (RFC 5280 §4.2.1.3). */
export const KeyUsage = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
} as const;

/** TLS extensions that a certificate can require, by name (RFC 7633 §4.1, RFC 6066 §8). */
export const TlsFeature = { statusRequest: 5 } as const;

/** The standard's name of a KeyUsage bit, or its number when it has no name. */
export function keyUsageName(bit: number): string {
  return Object.entries(KeyUsage).find(([, number]) => number === bit)?.[0] ?? String(bit);
}

export interface AuthorityKeyIdentifier {
  readonly keyIdentifier: Uint8Array | undefined;
  readonly authorityCertIssuer: readonly GeneralName[] | undefined;
  readonly authorityCertSerialNumber: Uint8Array | undefined;
}

export interface BasicConstraints {
  readonly cA: boolean;
  readonly pathLenConstraint: number | undefined;
}

/** The subtrees of NameConstraints: in each, minimum is always 0 and maximum always absent (RFC 5280 §4.2.1.10). */
export interface NameConstraints {
  readonly permittedSubtrees: readonly GeneralName[];
  readonly excludedSubtrees: readonly GeneralName[];
}

export interface PolicyMapping {
  readonly issuerDomainPolicy: string;
  readonly subjectDomainPolicy: string;
}

export interface PolicyConstraints {
  readonly requireExplicitPolicy: number | undefined;
  readonly inhibitPolicyMapping: number | undefined;
}

export interface AccessDescription {
  readonly accessMethod: string;
  readonly accessLocation: GeneralName;
}

/** What a certificate's extensions say, decoded (RFC 5280 §4.2); undefined for those that are absent. `all` has every one as it stands. */
export interface CertificateExtensions {
  readonly all: ReadonlyMap<string, Extension>;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  readonly subjectKeyIdentifier: Uint8Array | undefined;
  readonly keyUsage: ReadonlySet<number> | undefined;
  /** Policy identifiers. */
  readonly certificatePolicies: readonly string[] | undefined;
  /** The types of the qualifiers of all policies; their contents are not read. */
  readonly policyQualifiers: ReadonlySet<string>;
  readonly policyMappings: readonly PolicyMapping[] | undefined;
  readonly subjectAltName: readonly GeneralName[] | undefined;
  readonly issuerAltName: readonly GeneralName[] | undefined;
  readonly basicConstraints: BasicConstraints | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  readonly policyConstraints: PolicyConstraints | undefined;
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly crlDistributionPoints: readonly DistributionPoint[] | undefined;
  readonly freshestCrl: readonly DistributionPoint[] | undefined;
  readonly inhibitAnyPolicy: number | undefined;
  readonly authorityInfoAccess: readonly AccessDescription[] | undefined;
  /** The numbers of TLS extensions. */
  readonly tlsFeature: readonly number[] | undefined;
}

// RFC 5280 sets no bounds; these are ours, far above anything seen.
const MAX_POLICIES = 256;
const MAX_QUALIFIERS = 64;
const MAX_MAPPINGS = 256;
const MAX_USAGES = 64;
const MAX_DESCRIPTIONS = 64;
const MAX_FEATURES = 64;
const MAX_SUBTREES = 4096;
// Address and mask (RFC 5280 §4.2.1.10).
const SUBTREE_IP_OCTETS = [8, 32];

/** Decodes every extension of RFC 5280 §4.2 that is there. `reader` is any reader on the same input. Throws DecodeError. */
export function decodeCertificateExtensions(
  all: ReadonlyMap<string, Extension>,
  reader: DerReader,
): CertificateExtensions {
  const read = <T>(oid: string, decode: (value: DerReader) => T): T | undefined =>
    decodeExtension(all, oid, reader, decode);
  const policyQualifiers = new Set<string>();
  return {
    all,
    policyQualifiers,
    authorityKeyIdentifier: read(Oid.authorityKeyIdentifier, decodeAuthorityKeyIdentifier),
    subjectKeyIdentifier: read(Oid.subjectKeyIdentifier, (value) => value.octetString('subjectKeyIdentifier')),
    keyUsage: read(Oid.keyUsage, decodeKeyUsage),
    certificatePolicies: read(Oid.certificatePolicies, (value) => decodeCertificatePolicies(value, policyQualifiers)),
    policyMappings: read(Oid.policyMappings, decodePolicyMappings),
    subjectAltName: read(Oid.subjectAltName, (value) => decodeGeneralNames(value, 'subjectAltName', Tag.SEQUENCE)),
    issuerAltName: read(Oid.issuerAltName, (value) => decodeGeneralNames(value, 'issuerAltName', Tag.SEQUENCE)),
    basicConstraints: read(Oid.basicConstraints, decodeBasicConstraints),
    nameConstraints: read(Oid.nameConstraints, decodeNameConstraints),
    policyConstraints: read(Oid.policyConstraints, decodePolicyConstraints),
    extendedKeyUsage: read(Oid.extendedKeyUsage, decodeExtendedKeyUsage),
    crlDistributionPoints: read(Oid.crlDistributionPoints, (value) =>
      decodeDistributionPoints(value, 'cRLDistributionPoints'),
    ),
    freshestCrl: read(Oid.freshestCrl, (value) => decodeDistributionPoints(value, 'freshestCRL')),
    inhibitAnyPolicy: read(Oid.inhibitAnyPolicy, (value) => value.smallInteger('inhibitAnyPolicy')),
    authorityInfoAccess: read(Oid.authorityInfoAccess, decodeAuthorityInfoAccess),
    tlsFeature: read(Oid.tlsFeature, decodeTlsFeature),
  };
}

/** AuthorityKeyIdentifier (RFC 5280 §4.2.1.1), of certificates and of CRLs. Throws DecodeError. */
export function decodeAuthorityKeyIdentifier(value: DerReader): AuthorityKeyIdentifier {
  const sequence = value.enter(Tag.SEQUENCE, 'authorityKeyIdentifier');
  const keyIdentifier = sequence.has(context(0)) ? sequence.octetString('keyIdentifier', context(0)) : undefined;
  const authorityCertIssuer = sequence.has(contextConstructed(1))
    ? decodeGeneralNames(sequence, 'authorityCertIssuer', contextConstructed(1))
    : undefined;
  const authorityCertSerialNumber = sequence.has(context(2))
    ? sequence.integer('authorityCertSerialNumber', context(2))
    : undefined;
  sequence.end('authorityKeyIdentifier');
  return { keyIdentifier, authorityCertIssuer, authorityCertSerialNumber };
}

function decodeKeyUsage(value: DerReader): ReadonlySet<number> {
  const bits = value.namedBits('keyUsage');
  // RFC 5280 §4.2.1.3: when the extension appears, at least one bit is set.
  if (bits.size === 0) value.fail('keyUsage sets no bit');
  return bits;
}

/** Returns the policy identifiers, and adds the types of their qualifiers to `qualifiers`. */
function decodeCertificatePolicies(value: DerReader, qualifiers: Set<string>): string[] {
  const policies = list(value, 'certificatePolicies', MAX_POLICIES, (item) => {
    const information = item.enter(Tag.SEQUENCE, 'policyInformation');
    const policy = information.oid('policyIdentifier');
    if (information.has(Tag.SEQUENCE))
      for (const type of list(information, 'policyQualifiers', MAX_QUALIFIERS, decodeQualifierType))
        qualifiers.add(type);
    information.end('policyInformation');
    return policy;
  });
  // RFC 5280 §4.2.1.4: a policy identifier must not appear more than once.
  if (new Set(policies).size !== policies.length) value.fail('certificatePolicies names a policy twice');
  return policies;
}

function decodeQualifierType(item: DerReader): string {
  const qualifier = item.enter(Tag.SEQUENCE, 'policyQualifier');
  const type = qualifier.oid('policyQualifierId');
  qualifier.element('qualifier');
  qualifier.end('policyQualifier');
  return type;
}

function decodePolicyMappings(value: DerReader): PolicyMapping[] {
  return list(value, 'policyMappings', MAX_MAPPINGS, (item) => {
    const mapping = item.enter(Tag.SEQUENCE, 'policyMapping');
    const issuerDomainPolicy = mapping.oid('issuerDomainPolicy');
    const subjectDomainPolicy = mapping.oid('subjectDomainPolicy');
    mapping.end('policyMapping');
    return { issuerDomainPolicy, subjectDomainPolicy };
  });
}

function decodeBasicConstraints(value: DerReader): BasicConstraints {
  const sequence = value.enter(Tag.SEQUENCE, 'basicConstraints');
  const cA = sequence.flag('cA');
  const pathLenConstraint = sequence.has(Tag.INTEGER) ? sequence.smallInteger('pathLenConstraint') : undefined;
  sequence.end('basicConstraints');
  return { cA, pathLenConstraint };
}

function decodeNameConstraints(value: DerReader): NameConstraints {
  const sequence = value.enter(Tag.SEQUENCE, 'nameConstraints');
  const permittedSubtrees = decodeSubtrees(sequence, 0);
  const excludedSubtrees = decodeSubtrees(sequence, 1);
  sequence.end('nameConstraints');
  // RFC 5280 §4.2.1.10: an empty sequence must not be issued.
  if (permittedSubtrees.length + excludedSubtrees.length === 0) value.fail('nameConstraints is empty');
  return { permittedSubtrees, excludedSubtrees };
}

function decodeSubtrees(reader: DerReader, number: number): GeneralName[] {
  const what = number === 0 ? 'permittedSubtrees' : 'excludedSubtrees';
  const sequence = reader.enterIf(contextConstructed(number), what);
  if (!sequence) return [];
  const subtrees: GeneralName[] = [];
  if (sequence.done) sequence.fail(`${what} is empty`);
  while (!sequence.done) {
    const subtree = sequence.enter(Tag.SEQUENCE, 'generalSubtree');
    subtrees.push(decodeGeneralName(subtree, 'generalSubtree base', SUBTREE_IP_OCTETS));
    // RFC 5280 §4.2.1.10: minimum is 0, which DER leaves out, and maximum is absent.
    subtree.end('generalSubtree');
    if (subtrees.length > MAX_SUBTREES) sequence.fail(`${what} has more than ${MAX_SUBTREES} entries`);
  }
  return subtrees;
}

function decodePolicyConstraints(value: DerReader): PolicyConstraints {
  const sequence = value.enter(Tag.SEQUENCE, 'policyConstraints');
  const read = (number: number, what: string): number | undefined =>
    sequence.has(context(number)) ? sequence.smallInteger(what, context(number)) : undefined;
  const requireExplicitPolicy = read(0, 'requireExplicitPolicy');
  const inhibitPolicyMapping = read(1, 'inhibitPolicyMapping');
  sequence.end('policyConstraints');
  // RFC 5280 §4.2.1.11: an empty sequence must not be issued.
  if (requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined)
    value.fail('policyConstraints is empty');
  return { requireExplicitPolicy, inhibitPolicyMapping };
}

function decodeExtendedKeyUsage(value: DerReader): string[] {
  return list(value, 'extendedKeyUsage', MAX_USAGES, (item) => item.oid('keyPurposeId'));
}

function decodeAuthorityInfoAccess(value: DerReader): AccessDescription[] {
  return list(value, 'authorityInfoAccess', MAX_DESCRIPTIONS, (item) => {
    const description = item.enter(Tag.SEQUENCE, 'accessDescription');
    const accessMethod = description.oid('accessMethod');
    const accessLocation = decodeGeneralName(description, 'accessLocation');
    description.end('accessDescription');
    return { accessMethod, accessLocation };
  });
}

/** RFC 7633 §4.1. */
const decodeTlsFeature = (value: DerReader): number[] =>
  list(value, 'tlsFeature', MAX_FEATURES, (item) => item.smallInteger('feature'));

/** A SEQUENCE SIZE (1..limit) OF. */
function list<T>(value: DerReader, what: string, limit: number, decode: (item: DerReader) => T): T[] {
  const sequence = value.enter(Tag.SEQUENCE, what);
  const items: T[] = [];
  if (sequence.done) sequence.fail(`${what} is empty`);
  while (!sequence.done) {
    if (items.length === limit) sequence.fail(`${what} has more than ${limit} entries`);
    items.push(decode(sequence));
  }
  return items;
}
