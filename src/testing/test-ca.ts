import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import {
  decodeCertificate,
  encodeExtensionOf,
  encodePem,
  encodeRevokedCertificate,
  encodeSigned,
  encodeTbsCertificate,
  encodeTbsCertList,
  KeyUsage,
  nameFrom,
  Oid,
  signingSchemeFor,
  signOctets,
  subjectPublicKeyInfoOf,
  type Certificate,
  type Extension,
  type GeneralName,
  type Name,
} from '../x509/index.js';

export type TestKeyType = 'P-256' | 'P-384' | 'P-521' | 'Ed25519' | 'RSA-2048' | 'RSA-1024' | 'RSA-PSS-2048';

/** A certificate with its private key; `chainPem` is leaf first, then the CAs below the root. */
export interface Issued {
  readonly certificate: Certificate;
  readonly key: KeyObject;
  readonly certificatePem: string;
  readonly chainPem: string;
  readonly keyPem: string;
}

/** What to put into a certificate. All is optional; whatever is set stands in the certificate as it is, right or wrong. */
export interface TestCertificateOptions {
  readonly commonName?: string;
  readonly organization?: string;
  readonly subject?: Name;
  readonly names?: readonly GeneralName[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Big-endian magnitude; by default 16 random octets. */
  readonly serialNumber?: Uint8Array;
  readonly keyType?: TestKeyType;
  /** Extended key usages as OIDs; by default serverAuth and clientAuth. */
  readonly purposes?: readonly string[];
  readonly pathLenConstraint?: number;
  /** Extensions that replace those of the same OID, or come in addition. */
  readonly extensions?: readonly Extension[];
  /** OIDs of default extensions to leave out. */
  readonly without?: readonly string[];
  /** An existing key pair instead of a new one. */
  readonly keyPair?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

const DAY = 86_400_000;

/**
 * A certification authority in memory, real in every respect but its keeping: for the tests of this product and of applications that use it.
 *
 * ```ts
 * const root = TestCa.root();
 * const issuing = root.intermediate();
 * const { certificate, key, chainPem } = issuing.issue({ commonName: 'orders' });
 * ```
 */
export class TestCa implements Issued {
  readonly certificatePem: string;
  readonly keyPem: string;
  #crlNumber = 0n;

  private constructor(
    readonly certificate: Certificate,
    readonly key: KeyObject,
    readonly parent: TestCa | undefined,
  ) {
    this.certificatePem = encodePem('CERTIFICATE', certificate.der);
    this.keyPem = pemOf(key);
  }

  /** A self-signed root, valid from yesterday for ten years. */
  static root(options: TestCertificateOptions = {}): TestCa {
    const keyPair = options.keyPair ?? generateTestKeyPair(options.keyType);
    const full = {
      organization: 'VERITAS Framework',
      commonName: 'Test Root CA',
      notAfter: inDays(3650),
      ...options,
      keyPair,
    };
    const certificate = certify(full, caExtensions(full), undefined, keyPair.privateKey);
    return new TestCa(certificate, keyPair.privateKey, undefined);
  }

  /** A CA below this one. */
  intermediate(options: TestCertificateOptions = {}): TestCa {
    const keyPair = options.keyPair ?? generateTestKeyPair(options.keyType);
    const full = {
      organization: 'VERITAS Framework',
      commonName: 'Test Issuing CA',
      notAfter: inDays(1825),
      ...options,
      keyPair,
    };
    return new TestCa(certify(full, caExtensions(full), this.certificate, this.key), keyPair.privateKey, this);
  }

  /** An end-entity certificate, valid from a minute ago for a day. */
  issue(options: TestCertificateOptions = {}): Issued {
    const keyPair = options.keyPair ?? generateTestKeyPair(options.keyType);
    const full = { organization: 'VERITAS Framework', commonName: 'veritas-client', ...options, keyPair };
    const certificate = certify(full, leafExtensions(full), this.certificate, this.key);
    const certificatePem = encodePem('CERTIFICATE', certificate.der);
    return {
      certificate,
      key: keyPair.privateKey,
      certificatePem,
      chainPem: certificatePem + this.chainPem,
      keyPem: pemOf(keyPair.privateKey),
    };
  }

  /** As {@link issue}, but octets that this product's own reader may refuse: extensions given twice stay twice. */
  issueRaw(options: TestCertificateOptions): Pick<Issued, 'certificatePem' | 'chainPem' | 'key' | 'keyPem'> {
    const keyPair = options.keyPair ?? generateTestKeyPair(options.keyType);
    const full = { organization: 'VERITAS Framework', commonName: 'veritas-client', ...options, keyPair };
    const extensions = [...leafExtensions(full), ...(options.extensions ?? [])];
    const certificatePem = encodePem('CERTIFICATE', sign(full, extensions, this.certificate, this.key));
    return {
      certificatePem,
      chainPem: certificatePem + this.chainPem,
      key: keyPair.privateKey,
      keyPem: pemOf(keyPair.privateKey),
    };
  }

  /** This CA's certificate and those above it, the root left out; empty for a root. */
  get chainPem(): string {
    return this.parent ? this.certificatePem + this.parent.chainPem : '';
  }

  get root(): TestCa {
    return this.parent?.root ?? this;
  }

  /** A signed CRL in DER. */
  crl(
    revoked: readonly {
      readonly certificate: Certificate;
      readonly reason?: number;
      readonly revocationDate?: Date;
    }[] = [],
    options: {
      readonly thisUpdate?: Date;
      readonly nextUpdate?: Date;
      readonly number?: bigint;
      readonly extensions?: readonly Extension[];
    } = {},
  ): Uint8Array {
    this.#crlNumber += 1n;
    const thisUpdate = options.thisUpdate ?? new Date(Date.now() - 60_000);
    const tbs = encodeTbsCertList({
      signatureAlgorithm: signingSchemeFor(this.key).algorithm,
      issuer: this.certificate.subject,
      thisUpdate,
      nextUpdate: options.nextUpdate ?? inDays(1),
      revokedCertificates: revoked.map(({ certificate, reason = 0, revocationDate = thisUpdate }) =>
        encodeRevokedCertificate({
          serialNumber: Buffer.from(certificate.serialNumber, 'hex'),
          revocationDate,
          reason,
        }),
      ),
      extensions: options.extensions ?? [
        encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: this.certificate.extensions.subjectKeyIdentifier }),
        encodeExtensionOf.crlNumber(options.number ?? this.#crlNumber),
      ],
    });
    const { algorithm, signature } = signOctets(tbs, this.key);
    return encodeSigned(tbs, algorithm, signature);
  }
}

/** A new key pair; RSA-1024 is there to be refused. */
export function generateTestKeyPair(type: TestKeyType = 'P-256'): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (type) {
    case 'P-256':
    case 'P-384':
    case 'P-521':
      return generateKeyPairSync('ec', { namedCurve: type });
    case 'Ed25519':
      return generateKeyPairSync('ed25519');
    case 'RSA-2048':
    case 'RSA-1024':
      return generateKeyPairSync('rsa', { modulusLength: Number(type.slice(4)) });
    case 'RSA-PSS-2048':
      return generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
  }
}

type Full = TestCertificateOptions & {
  readonly commonName: string;
  readonly keyPair: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
};

function certify(
  options: Full,
  defaults: readonly Extension[],
  issuer: Certificate | undefined,
  signer: KeyObject,
): Certificate {
  const publicKey = subjectPublicKeyInfoOf(options.keyPair.publicKey);
  const identifier = issuer ? issuer.extensions.subjectKeyIdentifier : publicKey.keyIdentifier;
  const extensions = new Map(
    [
      encodeExtensionOf.subjectKeyIdentifier(publicKey.keyIdentifier),
      encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: identifier }),
      ...defaults,
      ...(options.extensions ?? []),
    ].map((extension) => [extension.oid, extension]),
  );
  for (const oid of options.without ?? []) extensions.delete(oid);
  return decodeCertificate(sign(options, [...extensions.values()], issuer, signer));
}

function sign(
  options: Full,
  extensions: readonly Extension[],
  issuer: Certificate | undefined,
  signer: KeyObject,
): Uint8Array {
  const subject = options.subject ?? nameFrom(options);
  const tbs = encodeTbsCertificate({
    serialNumber: options.serialNumber ?? randomSerialNumber(),
    signatureAlgorithm: signingSchemeFor(signer).algorithm,
    issuer: issuer?.subject ?? subject,
    notBefore: options.notBefore ?? new Date(Date.now() - 60_000),
    notAfter: options.notAfter ?? inDays(1),
    subject,
    publicKey: subjectPublicKeyInfoOf(options.keyPair.publicKey),
    extensions,
  });
  const { algorithm, signature } = signOctets(tbs, signer);
  return encodeSigned(tbs, algorithm, signature);
}

function caExtensions({ pathLenConstraint }: TestCertificateOptions): Extension[] {
  return [
    encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint }),
    encodeExtensionOf.keyUsage([KeyUsage.keyCertSign, KeyUsage.cRLSign]),
  ];
}

function leafExtensions({
  names = [],
  purposes = [Oid.serverAuth, Oid.clientAuth],
}: TestCertificateOptions): Extension[] {
  return [
    encodeExtensionOf.keyUsage([KeyUsage.digitalSignature]),
    encodeExtensionOf.extendedKeyUsage(purposes),
    ...(names.length > 0 ? [encodeExtensionOf.subjectAltName(names)] : []),
  ];
}

function randomSerialNumber(): Uint8Array {
  const octets = randomBytes(16);
  octets[0] = ((octets[0] ?? 0) & 0x7f) | 0x40;
  return octets;
}

const inDays = (days: number): Date => new Date(Date.now() + days * DAY);
const pemOf = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }).toString();
