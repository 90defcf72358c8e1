import { context, contextConstructed, DerReader, Tag } from '../../der/index.js';
import { decodeAlgorithmIdentifier, type AlgorithmIdentifier } from '../algorithm.js';
import { decodeReason } from '../revoked-certificate.js';
import { decodeCertificate, type Certificate } from '../certificate.js';
import { decodeExtension, decodeExtensions, type Extension } from '../extension.js';
import { decodeName, type Name } from '../name.js';
import { Oid } from '../oids.js';
import { decodeCertId, type CertId } from './cert-id.js';
import { decodeNonce } from './ocsp-request.js';

/** 64 KiB: 32 answers, and the certificate of who signed them. */
export const MAX_OCSP_RESPONSE_OCTETS = 64 * 1024;
const MAX_RESPONSES = 256;
const MAX_CERTIFICATES = 8;

/** OCSPResponseStatus by name (RFC 6960 §4.2.1). */
export const OcspResponseStatus = {
  successful: 0,
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  sigRequired: 5,
  unauthorized: 6,
} as const;
export type OcspResponseStatusName = keyof typeof OcspResponseStatus;

/** CertStatus (RFC 6960 §4.2.1). `reason` is a CRLReason's number (RFC 5280 §5.3.1). */
export type CertStatus =
  | { readonly status: 'good' }
  | { readonly status: 'revoked'; readonly revocationTime: Date; readonly reason: number | undefined }
  | { readonly status: 'unknown' };

/** SingleResponse: what is said about one certificate. */
export interface SingleResponse {
  readonly certId: CertId;
  readonly certStatus: CertStatus;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly extensions: ReadonlyMap<string, Extension>;
}

/** ResponderID: the responder's name, or the SHA-1 of its key. */
export type ResponderId = { readonly byName: Name } | { readonly byKey: Uint8Array };

/** A BasicOCSPResponse (RFC 6960 §4.2.1) that was strict DER, and no more than that: `verifyOcspResponse` says whether to believe it. */
export interface BasicOcspResponse {
  readonly der: Uint8Array;
  /** tbsResponseData, the octets that are signed. */
  readonly tbs: Uint8Array;
  readonly responderId: ResponderId;
  readonly producedAt: Date;
  readonly responses: readonly SingleResponse[];
  readonly extensions: ReadonlyMap<string, Extension>;
  readonly nonce: Uint8Array | undefined;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  readonly certificates: readonly Certificate[];
}

/** An OCSPResponse: a signed answer, or the reason why there is none. */
export type OcspResponse =
  | { readonly status: 'successful'; readonly basic: BasicOcspResponse }
  | { readonly status: Exclude<OcspResponseStatusName, 'successful'>; readonly basic: undefined };

/** Reads one DER OCSPResponse of at most 64 KiB; a certificate in it with the octets of `known` is that one, and not read again. Throws DecodeError. */
export function decodeOcspResponse(octets: Uint8Array, known?: Certificate): OcspResponse {
  const reader = DerReader.bounded(octets, MAX_OCSP_RESPONSE_OCTETS, 'OCSP response');
  const response = reader.enter(Tag.SEQUENCE, 'OCSPResponse');
  const start = response.offset;
  const number = response.enumerated('responseStatus');
  const status = NAMES.get(number);
  if (status === undefined) return response.fail(`responseStatus ${number} is not assigned`, start);
  if (status !== 'successful') {
    response.end('OCSPResponse');
    reader.end('OCSP response');
    return { status, basic: undefined };
  }
  const explicit = response.enter(contextConstructed(0), 'responseBytes');
  const bytes = explicit.enter(Tag.SEQUENCE, 'responseBytes');
  if (bytes.oid('responseType') !== Oid.ocspBasic) bytes.fail('responseType is not basic');
  const basic = decodeBasicOcspResponse(bytes.on(bytes.octetString('response')), known);
  bytes.end('responseBytes');
  explicit.end('responseBytes');
  response.end('OCSPResponse');
  reader.end('OCSP response');
  return { status, basic };
}

const NAMES: ReadonlyMap<number, OcspResponseStatusName> = new Map(
  Object.entries(OcspResponseStatus).map(([name, number]) => [number, name as OcspResponseStatusName]),
);

/** Reads a BasicOCSPResponse, with `known` as {@link decodeOcspResponse}. Throws DecodeError. */
function decodeBasicOcspResponse(reader: DerReader, known?: Certificate): BasicOcspResponse {
  const whole = reader.offset;
  const basic = reader.enter(Tag.SEQUENCE, 'BasicOCSPResponse');
  const start = basic.offset;
  const data = basic.enter(Tag.SEQUENCE, 'tbsResponseData');
  const tbs = basic.since(start);
  const signatureAlgorithm = decodeAlgorithmIdentifier(basic, 'signatureAlgorithm');
  const signature = basic.wholeOctets('signature');
  const certificates = decodeCertificates(basic, known);
  basic.end('BasicOCSPResponse');
  reader.end('response');
  // version 1 is the default, which DER leaves out, and there is no other.
  if (data.has(contextConstructed(0))) data.fail('version is written out, or not 1');
  const responderId = decodeResponderId(data);
  const producedAt = data.generalizedTime('producedAt');
  const list = data.enter(Tag.SEQUENCE, 'responses');
  const responses: SingleResponse[] = [];
  while (!list.done) {
    if (responses.length === MAX_RESPONSES) list.fail(`more than ${MAX_RESPONSES} responses`);
    responses.push(decodeSingleResponse(list));
  }
  const extensions = decodeOptionalExtensions(data, 'responseExtensions');
  data.end('tbsResponseData');
  const nonce = decodeExtension(extensions, Oid.ocspNonce, reader, decodeNonce);
  return {
    der: reader.since(whole),
    tbs,
    responderId,
    producedAt,
    responses,
    extensions,
    nonce,
    signatureAlgorithm,
    signature,
    certificates,
  };
}

function decodeCertificates(basic: DerReader, known: Certificate | undefined): Certificate[] {
  const explicit = basic.enterIf(contextConstructed(0), 'certs');
  if (!explicit) return [];
  const list = explicit.enter(Tag.SEQUENCE, 'certs');
  explicit.end('certs');
  const certificates: Certificate[] = [];
  while (!list.done) {
    if (certificates.length === MAX_CERTIFICATES) list.fail(`more than ${MAX_CERTIFICATES} certificates`);
    const der = list.element('certificate');
    certificates.push(known && Buffer.compare(known.der, der) === 0 ? known : decodeCertificate(der));
  }
  return certificates;
}

function decodeResponderId(data: DerReader): ResponderId {
  const byKey = data.enterIf(contextConstructed(2), 'responderID');
  if (byKey) {
    const digest = byKey.octetString('responderID');
    byKey.end('responderID');
    if (digest.length !== 20) data.fail('responderID is not the SHA-1 of a key');
    return { byKey: digest };
  }
  const explicit = data.enter(contextConstructed(1), 'responderID');
  const byName = decodeName(explicit, 'responderID');
  explicit.end('responderID');
  return { byName };
}

function decodeSingleResponse(list: DerReader): SingleResponse {
  const single = list.enter(Tag.SEQUENCE, 'singleResponse');
  const certId = decodeCertId(single);
  const certStatus = decodeCertStatus(single);
  const thisUpdate = single.generalizedTime('thisUpdate');
  const next = single.enterIf(contextConstructed(0), 'nextUpdate');
  const nextUpdate = next?.generalizedTime('nextUpdate');
  next?.end('nextUpdate');
  const extensions = decodeOptionalExtensions(single, 'singleExtensions');
  single.end('singleResponse');
  return { certId, certStatus, thisUpdate, nextUpdate, extensions };
}

function decodeCertStatus(single: DerReader): CertStatus {
  const revoked = single.enterIf(contextConstructed(1), 'certStatus');
  if (revoked) {
    const revocationTime = revoked.generalizedTime('revocationTime');
    const explicit = revoked.enterIf(contextConstructed(0), 'revocationReason');
    const reason = explicit && decodeReason(explicit);
    explicit?.end('revocationReason');
    revoked.end('certStatus');
    return { status: 'revoked', revocationTime, reason };
  }
  const status = single.has(context(0)) ? 'good' : 'unknown';
  single.null('certStatus', context(status === 'good' ? 0 : 2));
  return { status };
}

function decodeOptionalExtensions(reader: DerReader, what: string): ReadonlyMap<string, Extension> {
  const explicit = reader.enterIf(contextConstructed(1), what);
  if (!explicit) return new Map();
  const extensions = decodeExtensions(explicit, what);
  explicit.end(what);
  return extensions;
}
