import {
  certIdOf,
  decodeCertificate,
  decodeCertificateList,
  decodeCertificationRequest,
  decodePem,
  DecodeError,
  decodeOcspRequest,
  decodeOcspResponse,
  encodeCertificationRequestInfo,
  encodeExtensionOf,
  encodeName,
  encodeOcspRequest,
  encodePem,
  encodeSigned,
  generalNameToString,
  nameToString,
  octetsFromPemOrDer,
  Oid,
  ProofOfPossessionError,
  sameName,
  signOctets,
  subjectPublicKeyInfoOf,
  UnusableKeyError,
  verifyOcspResponse,
  verifySignature,
  type Certificate,
  type Extension,
  type SubjectPublicKeyInfo,
} from '../../src/x509/index.js';
import { generateTestKeyPair, TestCa, type TestKeyType } from '../../src/testing/index.js';
import { mutate, seededRandom } from './mutate.js';
import { ocspOf } from './ocsp-lint-fixtures.js';

export type Kind = 'certificate' | 'request' | 'crl' | 'pem' | 'ocspRequest' | 'ocspResponse';

/** How a run ended. Times in milliseconds. */
export interface FuzzReport {
  readonly inputs: Readonly<Record<Kind, number>>;
  /** How many inputs each outcome had, by the name of the error, or `accepted`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** What must not happen: anything else thrown. The input stands as hexadecimal. */
  readonly failures: readonly {
    readonly kind: Kind;
    readonly operation: string;
    readonly input: string;
    readonly error: unknown;
  }[];
  readonly slowest: { readonly kind: Kind; readonly operation: string; readonly octets: number; readonly ms: number };
}

const EXPECTED = [DecodeError, ProofOfPossessionError];

/**
 * Feeds `count` mutated inputs to the decoders; `onInput` is called before each. `seed` determines the mutations, the keys inside are new each time:
 * a failure carries its input.
 */
export function fuzz(seed: number, count: number, onInput?: (index: number) => void): FuzzReport {
  const random = seededRandom(seed);
  const samples = makeSamples();
  const kinds = Object.keys(samples) as Kind[];
  const inputs = { certificate: 0, request: 0, crl: 0, pem: 0, ocspRequest: 0, ocspResponse: 0 };
  const outcomes: Record<string, number> = {};
  const failures: FuzzReport['failures'][number][] = [];
  let slowest: FuzzReport['slowest'] = { kind: 'certificate', operation: 'none', octets: 0, ms: 0 };
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  for (let index = 0; index < count; index++) {
    onInput?.(index);
    const kind = pick(kinds);
    const { operation, octets } = mutate(pick(samples[kind]), pick(samples[pick(kinds)]), random);
    inputs[kind]++;
    let outcome = 'accepted';
    const ms = fastest(() => {
      try {
        READ[kind](octets);
      } catch (error) {
        outcome = error instanceof Error ? error.name : typeof error;
        if (!EXPECTED.some((type) => error instanceof type))
          failures.push({ kind, operation, input: Buffer.from(octets).toString('hex'), error });
      }
    });
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (ms > slowest.ms) slowest = { kind, operation, octets: octets.length, ms };
  }
  return { inputs, outcomes, failures, slowest };
}

/** The time of one run; a slow one gets two more, so that a busy machine is not taken for a slow decoder. */
function fastest(run: () => void): number {
  let best = Infinity;
  for (let left = 3; left > 0 && best > 20; left--) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const sampleResponse = ocspOf({ serials: ['40a1', '40a2'], nonce: Buffer.alloc(32, 1) });

const READ: Readonly<Record<Kind, (octets: Uint8Array) => void>> = {
  certificate: (octets) => {
    useCertificate(decodeCertificate(octets));
  },
  request: (octets) => {
    nameToString(decodeCertificationRequest(octets).subject);
  },
  crl: (octets) => {
    const list = decodeCertificateList(octets);
    for (const entry of list.revokedCertificates()) entry.certificateIssuer?.forEach(generalNameToString);
    nameToString(list.issuer);
  },
  pem: (octets) => {
    decodePem(octets);
    octetsFromPemOrDer(octets, 'CERTIFICATE').forEach(decodeCertificate);
  },
  ocspRequest: (octets) => {
    decodeOcspRequest(octets);
  },
  ocspResponse: (octets) => {
    const response = decodeOcspResponse(octets);
    const { issuer, request } = sampleResponse;
    const serialNumber = request.certIds[0]?.serialNumber ?? '';
    verifyOcspResponse(response, { issuer, serialNumber, time: new Date() });
  },
};

/** Everything that the product does with a certificate of a stranger. */
function useCertificate(certificate: Certificate): void {
  nameToString(certificate.subject);
  sameName(certificate.subject, certificate.issuer);
  certificate.extensions.subjectAltName?.forEach(generalNameToString);
  usePublicKey(certificate.publicKey);
  // Its own key or not: the answer is a boolean.
  verifySignature(certificate.signatureAlgorithm, certificate.publicKey, certificate.tbs, certificate.signature);
}

function usePublicKey(key: SubjectPublicKeyInfo): void {
  try {
    key.keyObject.equals(key.keyObject);
  } catch (error) {
    if (!(error instanceof UnusableKeyError)) throw error;
  }
}

function makeSamples(): Record<Kind, readonly Uint8Array[]> {
  const root = TestCa.root();
  const constrained = root.intermediate({
    extensions: [
      encodeExtensionOf.nameConstraints({
        permittedSubtrees: [
          { kind: 'dns', value: 'example.com' },
          { kind: 'ip', value: Uint8Array.of(10, 0, 0, 0, 255, 0, 0, 0) },
        ],
        excludedSubtrees: [{ kind: 'email', value: '.example.org' }],
      }),
    ],
  });
  const keyTypes: readonly TestKeyType[] = ['P-256', 'P-384', 'Ed25519', 'RSA-2048', 'RSA-PSS-2048'];
  // Self-signed, so that verifySignature gets as far as node:crypto.
  const certificates = keyTypes.map((keyType) => TestCa.root({ keyType, extensions: everyExtension() }).certificate);
  const issued = constrained.issue({ subject: manyAttributes(), extensions: everyExtension() }).certificate;
  const all = [...certificates, constrained.certificate, issued];
  return {
    certificate: all.map(({ der }) => der),
    request: keyTypes.map(makeRequest),
    crl: [
      root.crl(),
      constrained.crl(all.map((certificate, i) => ({ certificate, reason: [0, 1, 3, 4, 5, 6, 9][i] ?? 0 }))),
    ],
    ocspRequest: [
      sampleResponse.request.der,
      encodeOcspRequest([certIdOf(root.certificate, '40a1', 'sha256')]),
      encodeOcspRequest(all.map(({ serialNumber }) => certIdOf(root.certificate, serialNumber))),
    ],
    ocspResponse: [
      sampleResponse.der,
      ocspOf({ certStatus: { status: 'revoked', revocationTime: new Date(0), reason: 1 } }).der,
      ocspOf({ singleExtensions: [encodeExtensionOf.ocspArchiveCutoff(new Date(0))] }).der,
    ],
    pem: [
      Buffer.from(all.map(({ der }) => `subject=somebody\r\n${encodePem('CERTIFICATE', der)}`).join('\n')),
      Buffer.from(encodePem('CERTIFICATE', issued.der).replaceAll('\n', '\r\n')),
    ],
  };
}

function makeRequest(keyType: TestKeyType): Uint8Array {
  const { publicKey, privateKey } = generateTestKeyPair(keyType);
  const info = encodeCertificationRequestInfo({
    subject: manyAttributes(),
    publicKey: subjectPublicKeyInfoOf(publicKey),
    extensions: [encodeExtensionOf.subjectAltName([{ kind: 'dns', value: 'orders.example.com' }])],
  });
  const { algorithm, signature } = signOctets(info, privateKey);
  return encodeSigned(info, algorithm, signature);
}

const manyAttributes = () =>
  encodeName([
    [{ type: Oid.countryName, value: 'DE' }],
    [{ type: Oid.organizationName, value: 'Grüße & Söhne' }],
    [
      { type: Oid.commonName, value: 'orders' },
      { type: Oid.userId, value: '42' },
    ],
  ]);

function everyExtension(): Extension[] {
  return [
    encodeExtensionOf.subjectAltName([
      { kind: 'dns', value: 'orders.example.com' },
      { kind: 'ip', value: Uint8Array.of(127, 0, 0, 1) },
      { kind: 'email', value: 'a@example.com' },
      { kind: 'uri', value: 'spiffe://example.com/orders' },
      { kind: 'directory', value: manyAttributes() },
      { kind: 'registeredId', value: '2.25.340282366920938463463374607431768211455' },
      { kind: 'other', type: '1.3.6.1.4.1.311.20.2.3', value: Buffer.from('0c0161', 'hex') },
    ]),
    encodeExtensionOf.certificatePolicies(['2.999.1', '2.999.2']),
    encodeExtensionOf.crlDistributionPoints(['http://crl.example.com/a.crl']),
    encodeExtensionOf.authorityInfoAccess([
      { accessMethod: Oid.ocsp, accessLocation: { kind: 'uri', value: 'http://ocsp.example.com/' } },
    ]),
  ];
}
