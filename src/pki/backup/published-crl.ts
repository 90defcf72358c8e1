import type { IssuerRow } from '../../store/index.js';
import {
  decodeCertificate,
  decodeCertificateList,
  DecodeError,
  octetsFromPemOrDer,
  sameName,
  verifySignature,
  type CertificateList,
} from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import { gapIn } from '../rollover/external-crl.js';

/** A revocation list that others have, to compare a backup with. */
export interface PublishedList {
  /** Its file or URL, for messages. */
  readonly source: string;
  /** PEM or DER. */
  readonly octets: Uint8Array;
  /** Found where this CA published, not named by anybody: one that is older than the backup says nothing, and is passed over. */
  readonly found?: boolean;
}

/** A list that was verified against the certificate of its issuer. */
export interface ProvenList {
  readonly source: string;
  readonly found: boolean;
  readonly list: CertificateList;
  readonly number: number;
}

/**
 * The list with the highest number of each issuer, by the issuer's id. Throws PkiError `published_crl_not_accepted` when one is not strict DER, not signed
 * by any of the issuers, not complete, or without a number.
 */
export function provenLists(
  published: readonly PublishedList[],
  issuers: readonly IssuerRow[],
): ReadonlyMap<string, ProvenList> {
  const last = new Map<string, ProvenList>();
  for (const { source, octets, found = false } of published) {
    const list = decoded(source, octets);
    const issuer = issuers.find((each) => isSignedBy(list, each));
    if (!issuer) refuse(source, 'no CA of the backup signed it');
    const gap = gapIn(list);
    if (gap !== undefined) refuse(source, gap);
    const number = Number(list.extensions.crlNumber);
    if ((last.get(issuer.id)?.number ?? -1) < number) last.set(issuer.id, { source, found, list, number });
  }
  return last;
}

function decoded(source: string, octets: Uint8Array): CertificateList {
  try {
    return decodeCertificateList(octetsFromPemOrDer(octets, 'X509 CRL')[0] ?? new Uint8Array());
  } catch (error) {
    if (error instanceof DecodeError) refuse(source, `it is not strict DER (${error.message})`);
    throw error;
  }
}

function isSignedBy(list: CertificateList, { der }: IssuerRow): boolean {
  const { subject, publicKey } = decodeCertificate(der);
  return (
    sameName(subject, list.issuer) && verifySignature(list.signatureAlgorithm, publicKey, list.tbs, list.signature)
  );
}

/** Throws PkiError `published_crl_not_accepted`. */
export function refuse(source: string, why: string): never {
  throw new PkiError('published_crl_not_accepted', `the revocation list ${source} cannot be compared with: ${why}`);
}
