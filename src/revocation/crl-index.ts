import { randomInt } from 'node:crypto';
import {
  CrlReason,
  decodeCertificateList,
  DecodeError,
  KeyUsage,
  octetsFromPemOrDer,
  Oid,
  RevocationIndex,
  verifySignatureInSlices,
  type Certificate,
  type CertificateList,
  type RevokedCertificateScanner,
} from '../x509/index.js';
import { Slices } from './slices.js';

/** Why a CRL cannot be used; `message` says which rule. */
export class CrlRefusedError extends Error {
  override readonly name = 'CrlRefusedError';
}

/** A verified CRL, its serial numbers ready to be looked up. */
export interface CrlIndex {
  readonly list: CertificateList;
  readonly issuer: Certificate;
  readonly revoked: RevocationIndex;
}

/** PEM is decoded in one go. */
const MAX_PEM_OCTETS = 8 * 1024 * 1024;
const ENTRIES_A_STEP = 250;
const DER_SEQUENCE = 0x30;
// RFC 5280 §5.2: critical ones that are processed here.
const PROCESSED: ReadonlySet<string> = new Set([Oid.deltaCrlIndicator, Oid.issuingDistributionPoint]);

/**
 * Verifies a CRL against the issuer that signed it, one of `issuers`, and indexes it, in slices of a fraction of a millisecond. Throws DecodeError when it is not
 * strict DER, {@link CrlRefusedError} when nobody's key fits, when it is indirect, for some reasons only or for attribute certificates, when it carries
 * an unknown critical extension (RFC 5280 §5.2, §5.3), when it has no nextUpdate, or when it is not current at `now`.
 */
export async function indexCrl(input: Uint8Array, issuers: readonly Certificate[], now: Date): Promise<CrlIndex> {
  const list = decodeCertificateList(octetsOf(input));
  checkScope(list);
  checkCurrent(list, now);
  const slices = new Slices();
  const issuer = await verifyIssuer(list, issuers, slices);
  const isDelta = list.extensions.deltaCrlIndicator !== undefined;
  let entries = 0;
  const revoked = new RevocationIndex(list, randomInt(0x1_0000_0000), (scanner) => {
    checkEntry(scanner, isDelta);
    entries++;
  });
  while (!revoked.step(ENTRIES_A_STEP)) await slices.pause();
  // Revoked and released at once: which of them came last is not said.
  if (isDelta && revoked.size !== entries) throw new CrlRefusedError('a serial number stands twice in a delta CRL');
  return { list, issuer, revoked };
}

function octetsOf(input: Uint8Array): Uint8Array {
  if (input[0] === DER_SEQUENCE) return input;
  if (input.length > MAX_PEM_OCTETS)
    throw new CrlRefusedError(`PEM of more than ${MAX_PEM_OCTETS} octets is not read: give the list as DER`);
  const [octets, second] = octetsFromPemOrDer(input, 'X509 CRL');
  if (!octets || second) throw new DecodeError('a CRL file holds exactly one CRL', 0);
  return octets;
}

async function verifyIssuer(
  { issuer: name, signatureAlgorithm, tbs: data, signature }: CertificateList,
  issuers: readonly Certificate[],
  slices: Slices,
): Promise<Certificate> {
  const named = issuers.filter((issuer) => issuer.subject.key === name.key);
  if (named.length === 0) throw new CrlRefusedError('its issuer is not among the trusted CAs');
  const pause = () => slices.pause();
  for (const issuer of named) {
    if (!(await verifySignatureInSlices(signatureAlgorithm, issuer.publicKey, { data, signature, pause }))) continue;
    // RFC 5280 §6.3.3 (f).
    const usage = issuer.extensions.keyUsage;
    if (usage && !usage.has(KeyUsage.cRLSign))
      throw new CrlRefusedError('its issuer may not sign CRLs (key usage cRLSign)');
    return issuer;
  }
  throw new CrlRefusedError('its signature is not by its issuer');
}

function checkScope({ extensions, nextUpdate }: CertificateList): void {
  const { issuingDistributionPoint: scope, deltaCrlIndicator: base, crlNumber: number } = extensions;
  const unknown = [...extensions.all.values()].find(({ oid, critical }) => critical && !PROCESSED.has(oid));
  if (unknown) throw new CrlRefusedError(`it has the critical extension ${unknown.oid}`);
  if (scope?.indirectCrl) throw new CrlRefusedError('it is an indirect CRL, which is not used here');
  if (scope?.onlySomeReasons) throw new CrlRefusedError('it is for some reasons of revocation only');
  if (scope?.onlyContainsAttributeCerts) throw new CrlRefusedError('it is for attribute certificates');
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

/** That a list is past its end, in words; undefined while it is not. */
export const staleness = ({ nextUpdate }: Pick<CertificateList, 'nextUpdate'>, now: Date): string | undefined =>
  nextUpdate && nextUpdate >= now ? undefined : `it is stale (nextUpdate ${nextUpdate?.toISOString() ?? 'missing'})`;
