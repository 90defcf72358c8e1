import { sign, type KeyObject } from 'node:crypto';
import { write } from '../../../src/der/index.js';
import { generateTestKeyPair, type TestKeyType } from '../../../src/testing/index.js';
import {
  algorithmIdentifier,
  encodeExtensionOf,
  encodeName,
  encodeSigned,
  encodeTbsCertificate,
  KeyUsage,
  Oid,
  signingSchemeFor,
  signOctets,
  subjectPublicKeyInfoOf,
  type Extension,
  type GeneralName,
  type Name,
} from '../../../src/x509/index.js';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** A certificate to be made, good until somebody changes it. */
export interface Plan {
  subject: Name;
  keyPair: KeyPair;
  notBefore: Date;
  notAfter: Date;
  serialNumber: Uint8Array;
  /** By OID. Without an authorityKeyIdentifier it gets that of its issuer, unless `bare`. */
  readonly extensions: Map<string, Extension>;
  bare: boolean;
  /** What the certificate says instead of its issuer's name, and who signs instead of its issuer. */
  issuer: Name | undefined;
  signer: KeyPair | undefined;
  digest: 'sha1' | undefined;
  /** The last word on the octets that are signed, and on the whole. */
  tbs: (octets: Buffer) => Uint8Array;
  whole: (octets: Buffer) => Uint8Array;
}

/** Anchor first, leaf last; and what else goes into a case. */
export interface Hierarchy {
  readonly plans: Plan[];
  /** Certificates that stand beside those of the chain, made by whom `by` says, or by themselves. */
  readonly others: { readonly plan: Plan; readonly by: Plan | undefined; readonly as: 'intermediate' | 'anchor' }[];
  /** Which plan is trusted, and which are not sent. */
  trusted: Plan | undefined;
  readonly omitted: Set<Plan>;
  host: string;
  crls: readonly Uint8Array[] | undefined;
}

export const NOW = new Date('2026-06-15T12:00:00Z');
export const days = (count: number): Date => new Date(NOW.getTime() + count * 86_400_000);
export const HOST = 'orders.example.com';
export const ADDRESS = '10.1.2.3';
export const dns = (value: string): GeneralName => ({ kind: 'dns', value });
export const names = (...list: readonly GeneralName[]): Extension => encodeExtensionOf.subjectAltName(list);
export const commonName = (value: string): Name =>
  encodeName([[{ type: Oid.organizationName, value: 'Veritas' }], [{ type: Oid.commonName, value }]]);

const pairs = new Map<TestKeyType, KeyPair[]>();

/** One of a few key pairs of a type: to make one takes longer than a path. `number` picks it. */
export function keyPair(type: TestKeyType, number: number): KeyPair {
  const made = pairs.get(type) ?? [];
  pairs.set(type, made);
  return (made[number] ??= generateTestKeyPair(type));
}

/** A CA or a leaf with nothing wrong. */
export function goodPlan(role: 'ca' | 'leaf', name: string, pair: KeyPair, serial: number): Plan {
  const { keyIdentifier } = subjectPublicKeyInfoOf(pair.publicKey);
  const extensions = [
    encodeExtensionOf.subjectKeyIdentifier(keyIdentifier),
    ...(role === 'ca'
      ? [
          encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: undefined }),
          encodeExtensionOf.keyUsage([KeyUsage.keyCertSign, KeyUsage.cRLSign]),
        ]
      : [
          encodeExtensionOf.keyUsage([KeyUsage.digitalSignature]),
          encodeExtensionOf.extendedKeyUsage([Oid.serverAuth]),
          names(dns(HOST)),
        ]),
  ];
  return {
    subject: commonName(name),
    keyPair: pair,
    notBefore: days(-30),
    notAfter: days(30),
    serialNumber: write.integer(0x4000_0000 + serial).slice(2),
    extensions: new Map(extensions.map((extension) => [extension.oid, extension])),
    bare: false,
    issuer: undefined,
    signer: undefined,
    digest: undefined,
    tbs: (octets) => octets,
    whole: (octets) => octets,
  };
}

/** The octets of a certificate issued by `issuer`; by itself without one. */
function certify(plan: Plan, issuer: Plan = plan): Uint8Array {
  const key = (plan.signer ?? issuer.keyPair).privateKey;
  // Ed25519 and RSA-PSS have no such form.
  const withSha1 = plan.digest && WITH_SHA1[key.asymmetricKeyType ?? ''];
  const { algorithm } = withSha1 ?? signingSchemeFor(key);
  // What the issuer's certificate says, whatever key it was given later.
  const keyIdentifier =
    issuer.extensions.get(Oid.subjectKeyIdentifier)?.value.subarray(2) ??
    subjectPublicKeyInfoOf(issuer.keyPair.publicKey).keyIdentifier;
  const own = [...plan.extensions.values()];
  const authority = encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier });
  const tbs = plan.tbs(
    Buffer.from(
      encodeTbsCertificate({
        ...plan,
        signatureAlgorithm: algorithm,
        issuer: plan.issuer ?? issuer.subject,
        publicKey: subjectPublicKeyInfoOf(plan.keyPair.publicKey),
        extensions: plan.bare || plan.extensions.has(Oid.authorityKeyIdentifier) ? own : [...own, authority],
      }),
    ),
  );
  const signature = withSha1 === undefined ? signOctets(tbs, key).signature : sign('sha1', tbs, key);
  return plan.whole(Buffer.from(encodeSigned(tbs, algorithm, signature)));
}

const WITH_SHA1: Readonly<Record<string, ReturnType<typeof signingSchemeFor> | undefined>> = {
  ec: { algorithm: algorithmIdentifier('1.2.840.10045.4.1'), digest: null },
  rsa: { algorithm: algorithmIdentifier(Oid.sha1WithRsaEncryption, write.nullElement()), digest: null },
};

/** A case as everybody is asked about it. */
export interface PathCase {
  readonly leaf: Uint8Array;
  readonly intermediates: readonly Uint8Array[];
  readonly anchors: readonly Uint8Array[];
  readonly crls: readonly Uint8Array[];
  readonly host: string;
}

/** The octets of a hierarchy; `shuffle` orders what is sent. */
export function build(hierarchy: Hierarchy, shuffle: <T>(list: readonly T[]) => T[]): PathCase {
  const { plans, others, trusted, omitted, host, crls = [] } = hierarchy;
  const chain = plans.map((plan, index) => certify(plan, plans[index - 1]));
  const extra = (as: 'intermediate' | 'anchor'): Uint8Array[] =>
    others.filter((other) => other.as === as).map(({ plan, by }) => certify(plan, by));
  const leaf = chain.at(-1) ?? new Uint8Array();
  const sent = chain.filter((_, index) => index > 0 && index < chain.length - 1 && !omitted.has(plans[index]!));
  return {
    leaf,
    intermediates: shuffle([...sent, ...extra('intermediate')]),
    anchors: [...chain.filter((_, index) => plans[index] === trusted), ...extra('anchor')],
    crls,
    host,
  };
}
