import { TestCa, type Issued } from '../../src/testing/index.js';
import {
  algorithmIdentifier,
  certIdOf,
  decodeOcspRequest,
  decodeOcspResponse,
  encodeBasicOcspResponse,
  encodeExtensionOf,
  encodeOcspRequest,
  encodeOcspResponse,
  encodeResponseData,
  Oid,
  signingSchemeFor,
  signOctets,
  type AlgorithmIdentifier,
  type Certificate,
  type CertStatus,
  type Extension,
  type OcspLintSubject,
  type OcspRequest,
} from '../../src/x509/index.js';
import { lintIssuing, lintRoot, type OpensslOpinion } from './lint-fixtures.js';

/** An OCSP response that breaks one rule and no other. */
export interface OcspLintFixture {
  readonly rule: string;
  readonly defect: string;
  readonly openssl: OpensslOpinion;
  readonly subject: () => SignedResponse;
}

/** A response, the octets that carry it, and the question. */
export type SignedResponse = OcspLintSubject & { readonly der: Uint8Array; readonly request: OcspRequest };

/** What to change about a sound response. */
export interface ResponseChange {
  readonly issuer?: TestCa;
  readonly responder?: Issued;
  /** Asked about; by default `40a1`. */
  readonly serials?: readonly string[];
  /** Answered; by default what was asked about. */
  readonly answered?: readonly string[];
  readonly answeredIssuer?: TestCa;
  readonly certStatus?: CertStatus;
  /** One for each answer. */
  readonly statuses?: readonly CertStatus[];
  readonly producedAt?: Date;
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date;
  readonly nonce?: Uint8Array;
  /** In the response instead of that of the request. */
  readonly otherNonce?: Uint8Array;
  readonly extensions?: readonly Extension[];
  readonly singleExtensions?: readonly Extension[];
  readonly keyIdentifier?: Uint8Array;
  readonly algorithm?: AlgorithmIdentifier;
  readonly certificates?: readonly Certificate[];
}

const hours = (count: number): Date => new Date(Math.floor(Date.now() / 1000) * 1000 + count * 3_600_000);

/** A responder that `issuer` authorized. */
export const responderOf = (issuer: TestCa, purposes: readonly string[] = [Oid.ocspSigning]): Issued =>
  issuer.issue({ commonName: 'ocsp', purposes, extensions: [encodeExtensionOf.ocspNoCheck()] });

const lintResponder = responderOf(lintIssuing);

/** A response of a responder below {@link lintIssuing} that is sound but for `change`. */
export function ocspOf(change: ResponseChange = {}): SignedResponse {
  const { issuer = lintIssuing, responder = lintResponder, serials = ['40a1'], nonce } = change;
  const { answered = serials, answeredIssuer = issuer, otherNonce = nonce, certificates } = change;
  const request = decodeOcspRequest(
    encodeOcspRequest(
      serials.map((serial) => certIdOf(issuer.certificate, serial)),
      nonce,
    ),
  );
  const tbs = encodeResponseData({
    keyIdentifier: change.keyIdentifier ?? responder.certificate.publicKey.keyIdentifier,
    producedAt: change.producedAt ?? hours(0),
    responses: answered.map((serial, i) => ({
      certId: certIdOf(answeredIssuer.certificate, serial),
      certStatus: change.statuses?.[i] ?? change.certStatus ?? { status: 'good' },
      thisUpdate: change.thisUpdate ?? hours(0),
      nextUpdate: change.nextUpdate ?? hours(1),
      extensions: change.singleExtensions ?? [],
    })),
    extensions: [...(otherNonce ? [encodeExtensionOf.ocspNonce(otherNonce)] : []), ...(change.extensions ?? [])],
  });
  const certs = (certificates ?? [responder.certificate]).map(({ der }) => der);
  const algorithm = change.algorithm ?? signingSchemeFor(responder.key).algorithm;
  const der = encodeOcspResponse(
    encodeBasicOcspResponse(tbs, algorithm, signOctets(tbs, responder.key).signature, certs),
  );
  const { basic } = decodeOcspResponse(der);
  if (!basic) throw new Error('the response was not read back');
  return { der, request, response: basic, responder: responder.certificate, issuer: issuer.certificate };
}

const critical = (extension: Extension): Extension => ({ ...extension, critical: true });
const now = hours(0);
const briefResponder = lintIssuing.issue({
  purposes: [Oid.ocspSigning],
  notBefore: hours(-1),
  notAfter: new Date(now.getTime() + 1_800_000),
});
const revoked = (reason: number): CertStatus => ({ status: 'revoked', revocationTime: new Date(0), reason });

const table: readonly (readonly [rule: string, defect: string, openssl: OpensslOpinion, change: ResponseChange])[] = [
  [
    'ocsp-signature-algorithm',
    'Ed25519 of a P-256 responder',
    'refuses',
    { algorithm: algorithmIdentifier(Oid.ed25519) },
  ],
  ['ocsp-responder-id', 'the key of somebody else', 'refuses', { keyIdentifier: Buffer.alloc(20, 1) }],
  ['ocsp-responder-issuer', 'a responder of the root', 'refuses', { responder: responderOf(lintRoot) }],
  [
    'ocsp-responder-purpose',
    'a client’s certificate',
    'refuses',
    { responder: responderOf(lintIssuing, [Oid.clientAuth]) },
  ],
  ['ocsp-responder-validity', 'a nextUpdate after its end', 'accepts', { responder: briefResponder }],
  ['ocsp-responder-certificate', 'none', 'refuses', { certificates: [] }],
  ['ocsp-cert-ids', 'an answer about another certificate', 'refuses', { answered: ['40a2'] }],
  ['ocsp-cert-ids', 'an answer too few', 'refuses', { serials: ['40a1', '40a2'], answered: ['40a1'] }],
  ['ocsp-this-update', 'one after producedAt', 'accepts', { thisUpdate: hours(0), producedAt: hours(-0.005) }],
  ['ocsp-next-update', 'one before thisUpdate', 'refuses', { nextUpdate: hours(-0.02) }],
  ['ocsp-nonce', 'another one', 'refuses', { nonce: Buffer.alloc(32, 1), otherNonce: Buffer.alloc(32, 2) }],
  ['ocsp-nonce', 'one that nobody sent', 'accepts', { otherNonce: Buffer.alloc(32, 1) }],
  ['ocsp-reason', 'unspecified', 'accepts', { certStatus: revoked(0) }],
  ['ocsp-reason', 'removeFromCRL', 'accepts', { certStatus: revoked(8) }],
  ['ocsp-extended-revoke', 'on hold since 1970, unexplained', 'accepts', { certStatus: revoked(6) }],
  [
    'ocsp-criticality',
    'a critical archiveCutoff',
    'accepts',
    { singleExtensions: [critical(encodeExtensionOf.ocspArchiveCutoff(hours(-24)))] },
  ],
];

const stranger = TestCa.root({ commonName: 'Somebody else' });

export const ocspLintFixtures: readonly OcspLintFixture[] = [
  ...table.map(([rule, defect, openssl, change]) => ({ rule, defect, openssl, subject: () => ocspOf(change) })),
  {
    rule: 'ocsp-cert-issuer',
    defect: 'a certificate of somebody else',
    openssl: 'refuses',
    // Asked about as well as answered: else the answer would be about another certificate.
    subject: () => {
      const answer = ocspOf({ answeredIssuer: stranger });
      const certIds = [certIdOf(stranger.certificate, '40a1')];
      return { ...answer, request: decodeOcspRequest(encodeOcspRequest(certIds)) };
    },
  },
];
