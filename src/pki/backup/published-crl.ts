import type { IssuerRow } from '../../store/index.js';
import {
  decodeCertificate,
  decodeCertificateList,
  DecodeError,
  isSignedBy,
  octetsFromPemOrDer,
  Oid,
  sameName,
  type CertificateList,
} from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import { gapIn } from '../rollover/external-crl.js';

/** A published revocation list to compare a backup with. */
export interface PublishedList {
  /** The list's file or URL, for messages. */
  readonly source: string;
  /** PEM or DER. */
  readonly octets: Uint8Array;
  /**
   * True when the list was found where this CA publishes, false or absent when the operator gave it. A found list that is older than the backup is
   * ignored, a given one is an error.
   */
  readonly found?: boolean;
}

/** A list whose signature was verified with the certificate of its issuer. */
export interface ProvenList {
  readonly source: string;
  readonly found: boolean;
  readonly list: CertificateList;
  readonly number: number;
}

/** The verified published lists of one issuer. */
export interface ProvenLists {
  /** The complete list with the highest number. */
  readonly complete: ProvenList;
  /** Delta lists and shards, sorted by number. */
  readonly partial: readonly ProvenList[];
  /** The highest CRL number of all these lists. */
  readonly number: number;
}

/**
 * Verifies `published` and groups the lists by the id of their issuer. An issuer without a complete list is left out. Throws PkiError
 * `published_crl_not_accepted` when a list is not strict DER, is not signed by any of `issuers`, has no number, has a scope that this CA does not
 * sign, or is a delta whose base is newer than the complete list.
 */
export function provenLists(
  published: readonly PublishedList[],
  issuers: readonly IssuerRow[],
): ReadonlyMap<string, ProvenLists> {
  const all = new Map<string, { complete?: ProvenList; readonly partial: ProvenList[] }>();
  for (const { source, octets, found = false } of published) {
    const list = decoded(source, octets);
    const issuer = issuers.find((each) => isIssuedBy(list, each));
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
      if (base > complete.number)
        refuse(source, `its base is list ${base}, and the complete list ${complete.source} is older`);
    }
    partial.sort((a, b) => a.number - b.number);
    proven.set(id, { complete, partial, number: Math.max(complete.number, partial.at(-1)?.number ?? 0) });
  }
  return proven;
}

const isPartial = ({ extensions }: CertificateList): boolean =>
  extensions.deltaCrlIndicator !== undefined || extensions.issuingDistributionPoint !== undefined;

/** The places of the shards that were given: the octets of issuingDistributionPoint, in hexadecimal. */
export const shardPlaces = ({ partial }: ProvenLists): ReadonlySet<string> =>
  new Set(
    partial
      .flatMap(({ list }) => list.extensions.all.get(Oid.issuingDistributionPoint) ?? [])
      .map(({ value }) => Buffer.from(value).toString('hex')),
  );

/** Why a partial list is not a delta or a shard by distribution points as this CA signs them; undefined when it is one. */
function gapInPartial({ extensions }: CertificateList): string | undefined {
  const { issuingDistributionPoint: scope = {}, crlNumber } = extensions;
  if (Object.entries(scope).some(([field, limit]) => field !== 'distributionPoint' && Boolean(limit)))
    return 'it is limited to some kinds of certificates or some reasons';
  const unknown = [...extensions.all.values()].find(
    ({ critical, oid }) => critical && oid !== Oid.deltaCrlIndicator && oid !== Oid.issuingDistributionPoint,
  );
  if (unknown) return `the list has a critical extension, ${unknown.oid}`;
  return Number.isSafeInteger(Number(crlNumber ?? -0.5)) ? undefined : 'the list has no number, or one beyond 2^53';
}

function decoded(source: string, octets: Uint8Array): CertificateList {
  try {
    return decodeCertificateList(octetsFromPemOrDer(octets, 'X509 CRL')[0]);
  } catch (error) {
    if (error instanceof DecodeError) refuse(source, `it is not strict DER (${error.message})`);
    throw error;
  }
}

function isIssuedBy(list: CertificateList, { der }: IssuerRow): boolean {
  const { subject, publicKey } = decodeCertificate(der);
  return sameName(subject, list.issuer) && isSignedBy(list, publicKey);
}

/** Throws PkiError `published_crl_not_accepted`. */
export function refuse(source: string, why: string): never {
  throw new PkiError('published_crl_not_accepted', `the revocation list ${source} cannot be compared with: ${why}`);
}
