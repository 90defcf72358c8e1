import type { IssuerRow } from '../../store/index.js';
import {
  decodeCertificate,
  decodeCertificateList,
  DecodeError,
  octetsFromPemOrDer,
  Oid,
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

/** What an issuer published last. */
export interface ProvenLists {
  /** Of complete lists the one with the highest number. */
  readonly complete: ProvenList;
  /** Deltas and shards, by their numbers. */
  readonly partial: readonly ProvenList[];
  /** The highest number of all. */
  readonly number: number;
}

/**
 * What each issuer published, by the issuer's id; nothing of those of which there is no complete list. Throws PkiError `published_crl_not_accepted` when one
 * is not strict DER, not signed by any of the issuers, without a number, of a scope that is none of ours, or a delta whose base is not here.
 */
export function provenLists(
  published: readonly PublishedList[],
  issuers: readonly IssuerRow[],
): ReadonlyMap<string, ProvenLists> {
  const all = new Map<string, { complete?: ProvenList; readonly partial: ProvenList[] }>();
  for (const { source, octets, found = false } of published) {
    const list = decoded(source, octets);
    const issuer = issuers.find((each) => isSignedBy(list, each));
    if (!issuer) refuse(source, 'no CA of the backup signed it');
    const gap = isPartial(list) ? gapInPartial(list) : gapIn(list);
    if (gap !== undefined) refuse(source, gap);
    const proven = { source, found, list, number: Number(list.extensions.crlNumber) };
    const lists = all.get(issuer.id) ?? { partial: [] };
    all.set(issuer.id, lists);
    if (isPartial(list)) lists.partial.push(proven);
    else if ((lists.complete?.number ?? -1) < proven.number) lists.complete = proven;
  }
  const proven = new Map<string, ProvenLists>();
  for (const [id, { complete, partial }] of all) {
    if (!complete) continue;
    for (const { list, source } of partial) {
      const base = Number(list.extensions.deltaCrlIndicator ?? 0n);
      if (base > complete.number) refuse(source, `it goes with list ${base}, and that of ${complete.source} is older`);
    }
    partial.sort((a, b) => a.number - b.number);
    proven.set(id, { complete, partial, number: Math.max(complete.number, partial.at(-1)?.number ?? 0) });
  }
  return proven;
}

const isPartial = ({ extensions }: CertificateList): boolean =>
  extensions.deltaCrlIndicator !== undefined || extensions.issuingDistributionPoint !== undefined;

/** A list by distribution points alone, or a delta, as they are signed here; undefined when it is. */
function gapInPartial({ extensions }: CertificateList): string | undefined {
  const { issuingDistributionPoint: scope, crlNumber } = extensions;
  if (scope && (scope.indirectCrl || scope.onlySomeReasons || scope.onlyContainsUserCerts || scope.onlyContainsCaCerts))
    return 'it is a list of some certificates or reasons';
  const unknown = [...extensions.all.values()].find(
    ({ critical, oid }) => critical && oid !== Oid.deltaCrlIndicator && oid !== Oid.issuingDistributionPoint,
  );
  if (unknown) return `the list has a critical extension, ${unknown.oid}`;
  return Number.isSafeInteger(Number(crlNumber ?? -0.5)) ? undefined : 'the list has no number, or one beyond 2^53';
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
