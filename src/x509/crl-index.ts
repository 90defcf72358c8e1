import { DecodeError } from '../der/index.js';
import { KeyUsage } from './certificate-extensions.js';
import { decodeCertificateList, hasEmptyScope, type CertificateList } from './certificate-list.js';
import type { Certificate } from './certificate.js';
import { Oid } from './oids.js';
import { octetsFromPemOrDer } from './pem.js';
import { RevocationIndex, type RevocationTable } from './revocation-index.js';
import { CrlReason } from './revoked-certificate.js';
import type { RevokedCertificateScanner } from './revoked-certificate-scanner.js';
import { isSignedBy } from './signature.js';

/** Why a CRL cannot be used; `message` says which rule. */
export class CrlRefusedError extends Error {
  override readonly name = 'CrlRefusedError';
}

/** A verified CRL whose serial numbers are ready to be looked up. */
export interface CrlIndex {
  readonly list: CertificateList;
  readonly issuer: Certificate;
  readonly revoked: RevocationIndex;
}

/** The options of {@link indexCrl}. */
export interface CrlIndexing {
  /** The certificates whose keys may have signed it. */
  readonly issuers: readonly Certificate[];
  readonly now: Date;
  /** A 32-bit number that outsiders do not know: see {@link RevocationIndex}. */
  readonly seed: number;
  /** Called every few hundred entries, and awaited; mostly it returns undefined. When absent, all entries are read in one go. */
  readonly pause?: () => Promise<void> | undefined;
  /** Returns memory for the table: that many octets, all 0. */
  readonly allocate?: (octets: number) => ArrayBufferLike;
}

/** PEM has a smaller bound because it is decoded in one go. */
const MAX_PEM_CRL_OCTETS = 8 * 1024 * 1024;
const ENTRIES_A_STEP = 250;
const DER_SEQUENCE = 0x30;
// RFC 5280 §5.2: the extensions that are processed here, and so may be critical.
const PROCESSED: ReadonlySet<string> = new Set([Oid.deltaCrlIndicator, Oid.issuingDistributionPoint]);

/**
 * Verifies a CRL (DER, or PEM of at most 8 MiB) against the one of `issuers` that signed it, and indexes it. Throws DecodeError when it is not strict DER.
 * Throws {@link CrlRefusedError} when none of the keys signed it, when it is indirect, for some reasons only, for attribute certificates or for nothing, when it
 * or an entry has an unknown critical extension (RFC 5280 §5.2, §5.3), when it has no nextUpdate, or when it is not current at `now`.
 */
export async function indexCrl(
  input: Uint8Array,
  { issuers, now, seed, pause, allocate }: CrlIndexing,
): Promise<CrlIndex> {
  const list = decodeCertificateList(octetsOf(input));
  checkScope(list);
  checkCurrent(list, now);
  const issuer = verifyIssuer(list, issuers);
  const isDelta = list.extensions.deltaCrlIndicator !== undefined;
  let entries = 0;
  const onEntry = (scanner: RevokedCertificateScanner): void => {
    checkEntry(scanner, isDelta);
    entries++;
  };
  const revoked = new RevocationIndex(list, seed, onEntry, allocate);
  while (!revoked.step(ENTRIES_A_STEP)) await pause?.();
  // It would be revoked and released at once, and a delta does not say which came last.
  if (isDelta && revoked.size !== entries) throw new CrlRefusedError('a serial number stands twice in a delta CRL');
  return { list, issuer, revoked };
}

/** The index that {@link indexCrl} made of the same octets (DER) in another thread; `issuer` is the one that it found. Throws DecodeError. */
export function restoreCrlIndex(octets: Uint8Array, issuer: Certificate, table: RevocationTable): CrlIndex {
  const list = decodeCertificateList(octets);
  return { list, issuer, revoked: RevocationIndex.restore(list, table) };
}

function octetsOf(input: Uint8Array): Uint8Array {
  if (input[0] === DER_SEQUENCE) return input;
  if (input.length > MAX_PEM_CRL_OCTETS)
    throw new CrlRefusedError(`PEM of more than ${MAX_PEM_CRL_OCTETS} octets is not read: give the list as DER`);
  const [octets, second] = octetsFromPemOrDer(input, 'X509 CRL', MAX_PEM_CRL_OCTETS);
  if (second) throw new DecodeError('a CRL file holds exactly one CRL', 0);
  return octets;
}

function verifyIssuer(list: CertificateList, issuers: readonly Certificate[]): Certificate {
  const named = issuers.filter((issuer) => issuer.subject.key === list.issuer.key);
  if (named.length === 0) throw new CrlRefusedError('its issuer is not among the trusted CAs');
  const hasSigned = ({ publicKey }: Certificate): boolean => isSignedBy(list, publicKey);
  // RFC 5280 §6.3.3 (f). A CA may have several certificates of one key.
  const maySign = ({ extensions: { keyUsage } }: Certificate): boolean => keyUsage?.has(KeyUsage.cRLSign) !== false;
  const issuer = named.filter(maySign).find(hasSigned);
  if (issuer) return issuer;
  throw new CrlRefusedError(
    named.some((other) => !maySign(other) && hasSigned(other))
      ? 'its issuer may not sign CRLs (key usage cRLSign)'
      : 'its signature is not by its issuer',
  );
}

function checkScope(list: CertificateList): void {
  const { extensions, nextUpdate } = list;
  const { issuingDistributionPoint: scope, deltaCrlIndicator: base, crlNumber: number } = extensions;
  const unknown = [...extensions.all.values()].find(({ oid, critical }) => critical && !PROCESSED.has(oid));
  if (unknown) throw new CrlRefusedError(`it has the critical extension ${unknown.oid}`);
  if (scope?.indirectCrl) throw new CrlRefusedError('it is an indirect CRL, which is not used here');
  if (scope?.onlySomeReasons) throw new CrlRefusedError('it is for some reasons of revocation only');
  if (scope?.onlyContainsAttributeCerts) throw new CrlRefusedError('it is for attribute certificates');
  if (hasEmptyScope(list)) throw new CrlRefusedError('its issuingDistributionPoint is empty');
  if (base !== undefined && (number === undefined || number <= base))
    throw new CrlRefusedError('it is a delta CRL whose number is missing or not above that of its base');
  if (!nextUpdate) throw new CrlRefusedError('it does not say when the next one comes (nextUpdate)');
}

function checkEntry({ reason, unusual }: RevokedCertificateScanner, isDelta: boolean): void {
  if (reason === CrlReason.removeFromCRL && !isDelta)
    throw new CrlRefusedError('an entry of a complete CRL has the reason removeFromCRL');
  if (!unusual) return;
  if (unusual.unknownCritical.length > 0)
    throw new CrlRefusedError(`an entry has the unknown critical extension ${unusual.unknownCritical.join(', ')}`);
  if (unusual.certificateIssuer)
    throw new CrlRefusedError('an entry is for another issuer: indirect CRLs are not used');
}

/** Throws {@link CrlRefusedError} unless thisUpdate ≤ now ≤ nextUpdate (RFC 5280 §6.3.3). */
function checkCurrent({ thisUpdate, nextUpdate }: CertificateList, now: Date): void {
  if (thisUpdate > now) throw new CrlRefusedError(`it is from the future (thisUpdate ${thisUpdate.toISOString()})`);
  const stale = staleness({ nextUpdate }, now);
  if (stale !== undefined) throw new CrlRefusedError(stale);
}

/** Says in words that a list is past its nextUpdate; undefined while it is not. */
export const staleness = ({ nextUpdate }: Pick<CertificateList, 'nextUpdate'>, now: Date): string | undefined =>
  nextUpdate && nextUpdate >= now ? undefined : `it is stale (nextUpdate ${nextUpdate?.toISOString() ?? 'missing'})`;
