import { contextConstructed, DerReader, Tag, write } from '../../der/index.js';
import { decodeAlgorithmIdentifier } from '../algorithm.js';
import { encodeExtensionOf } from '../encode.js';
import { decodeExtension, decodeExtensions, encodeExtensions, type Extension } from '../extension.js';
import { decodeGeneralName } from '../general-name.js';
import { Oid, oidName } from '../oids.js';
import { decodeCertId, type CertId } from './cert-id.js';

/** 4 KiB: the 32 certificates that may be asked about in one request need three, with a nonce. */
export const MAX_OCSP_REQUEST_OCTETS = 4096;
/** Ours: each is a look into the store, and a part of one answer. */
const MAX_CERT_IDS = 32;
/** RFC 9654 §2.1. */
const MAX_NONCE_OCTETS = 128;

/** An OCSPRequest (RFC 6960 §4.1.1) that was strict DER. All octets are views on `der`. */
export interface OcspRequest {
  readonly der: Uint8Array;
  /** 1 to 32. */
  readonly certIds: readonly CertId[];
  /** 1 to 128 octets (RFC 9654 §2.1); undefined when there is none. */
  readonly nonce: Uint8Array | undefined;
  /** Whether somebody signed it. Who asks is of no matter to a responder that tells everybody: the signature is not looked at. */
  readonly isSigned: boolean;
}

/**
 * Reads one DER OCSPRequest of at most 4 KiB. Throws DecodeError for what is not one, for an empty list and one of more than 32, for a nonce
 * outside the bounds of RFC 9654, and for a critical extension other than the nonce: whoever marks one asks not to be answered without it.
 */
export function decodeOcspRequest(octets: Uint8Array): OcspRequest {
  const reader = DerReader.bounded(octets, MAX_OCSP_REQUEST_OCTETS, 'OCSP request');
  const request = reader.enter(Tag.SEQUENCE, 'OCSPRequest');
  const tbs = request.enter(Tag.SEQUENCE, 'tbsRequest');
  // version 1 is the default, which DER leaves out, and there is no other.
  if (tbs.has(contextConstructed(0))) tbs.fail('version is written out, or not 1');
  const requestorName = tbs.enterIf(contextConstructed(1), 'requestorName');
  if (requestorName) {
    decodeGeneralName(requestorName, 'requestorName');
    requestorName.end('requestorName');
  }
  const certIds = decodeRequestList(tbs);
  const extensions = decodeOnlyKnown(tbs, 2, 'requestExtensions', Oid.ocspNonce);
  const nonce = decodeExtension(extensions, Oid.ocspNonce, reader, decodeNonce);
  tbs.end('tbsRequest');
  const isSigned = skipSignature(request);
  if (isSigned && !requestorName) request.fail('a signed request does not say by whom');
  request.end('OCSPRequest');
  reader.end('OCSP request');
  return { der: octets, certIds, nonce, isSigned };
}

function decodeRequestList(tbs: DerReader): CertId[] {
  const list = tbs.enter(Tag.SEQUENCE, 'requestList');
  const certIds: CertId[] = [];
  if (list.done) list.fail('requestList is empty');
  while (!list.done) {
    if (certIds.length === MAX_CERT_IDS) list.fail(`requestList has more than ${MAX_CERT_IDS} entries`);
    const entry = list.enter(Tag.SEQUENCE, 'request');
    certIds.push(decodeCertId(entry));
    decodeOnlyKnown(entry, 0, 'singleRequestExtensions');
    entry.end('request');
  }
  return certIds;
}

/** Reads `[number] EXPLICIT Extensions`, where there are any, and insists that none is critical but the one that is `known` here. */
function decodeOnlyKnown(
  reader: DerReader,
  number: number,
  what: string,
  known?: string,
): ReadonlyMap<string, Extension> {
  const start = reader.offset;
  const explicit = reader.enterIf(contextConstructed(number), what);
  if (!explicit) return new Map();
  const extensions = decodeExtensions(explicit, what);
  explicit.end(what);
  for (const { oid, critical } of extensions.values())
    if (critical && oid !== known) reader.fail(`${what}: ${oidName(oid)} is critical and not known`, start);
  return extensions;
}

/** Reads a nonce within its bounds (RFC 9654 §2.1). Throws DecodeError. */
export function decodeNonce(value: DerReader): Uint8Array {
  const start = value.offset;
  const nonce = value.octetString('nonce');
  if (nonce.length === 0 || nonce.length > MAX_NONCE_OCTETS)
    value.fail(`nonce has ${nonce.length} octets, not 1 to ${MAX_NONCE_OCTETS}`, start);
  return nonce;
}

/** Steps over optionalSignature, which must be in its form. True when it is there. */
function skipSignature(request: DerReader): boolean {
  const explicit = request.enterIf(contextConstructed(0), 'optionalSignature');
  if (!explicit) return false;
  const signature = explicit.enter(Tag.SEQUENCE, 'optionalSignature');
  decodeAlgorithmIdentifier(signature, 'signatureAlgorithm');
  signature.bitString('signature');
  const certificates = signature.enterIf(contextConstructed(0), 'certs');
  if (certificates) {
    const list = certificates.enter(Tag.SEQUENCE, 'certs');
    while (!list.done) list.element('certificate');
    certificates.end('certs');
  }
  signature.end('optionalSignature');
  explicit.end('optionalSignature');
  return true;
}

/** An OCSPRequest for these certificates, not signed. `nonce`: 1 to 128 octets. */
export function encodeOcspRequest(certIds: readonly Pick<CertId, 'der'>[], nonce?: Uint8Array): Uint8Array {
  const list = write.sequence(...certIds.map(({ der }) => write.sequence(der)));
  const extensions = nonce ? [write.explicit(2, encodeExtensions([encodeExtensionOf.ocspNonce(nonce)]))] : [];
  return write.sequence(write.sequence(list, ...extensions));
}
