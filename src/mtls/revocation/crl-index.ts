import { setImmediate } from 'node:timers/promises';
import {
  CrlReason,
  decodeCertificateList,
  DecodeError,
  KeyUsage,
  octetsFromPemOrDer,
  verifySignature,
  type Certificate,
  type CertificateList,
} from '../../x509/index.js';

/** Why a CRL cannot be used; `message` says which rule. */
export class CrlRefusedError extends Error {
  override readonly name = 'CrlRefusedError';
}

/** A verified CRL, its serial numbers ready to be looked up. */
export interface CrlIndex {
  readonly list: CertificateList;
  readonly issuer: Certificate;
  /** Serial numbers to the date and reason of their revocation. */
  readonly revoked: ReadonlyMap<string, { readonly revocationDate: Date; readonly reason: string }>;
}

// Some 5 ms of decoding: the event loop stays free in between.
const ENTRIES_A_SLICE = 2_000;
const REASONS = new Map<number, string>(Object.entries(CrlReason).map(([name, value]) => [value, name]));

/**
 * Verifies a CRL against the issuer that signed it, one of `issuers`, and indexes it, in slices. Throws DecodeError when it is not strict DER,
 * {@link CrlRefusedError} when nobody's key fits, when it is a delta or covers only a part of the issuer's certificates, when it carries an unknown critical extension
 * (RFC 5280 §5.2, §5.3), when it has no nextUpdate, or when it is not current at `now`.
 */
export async function indexCrl(input: Uint8Array, issuers: readonly Certificate[], now: Date): Promise<CrlIndex> {
  const [octets, second] = octetsFromPemOrDer(input, 'X509 CRL');
  if (!octets || second) throw new DecodeError('a CRL file holds exactly one CRL', 0);
  const list = decodeCertificateList(octets);
  const issuer = verifyIssuer(list, issuers);
  checkScope(list);
  checkCurrent(list, now);
  const revoked = new Map<string, { revocationDate: Date; reason: string }>();
  let count = 0;
  for (const entry of list.revokedCertificates()) {
    if (entry.unknownCritical.length > 0)
      throw new CrlRefusedError(`an entry has the unknown critical extension ${entry.unknownCritical.join(', ')}`);
    if (entry.certificateIssuer)
      throw new CrlRefusedError('an entry is for another issuer: indirect CRLs are not used');
    revoked.set(entry.serialNumber, {
      revocationDate: entry.revocationDate,
      reason: REASONS.get(entry.reason ?? 0) ?? 'unspecified',
    });
    if (++count % ENTRIES_A_SLICE === 0) await setImmediate();
  }
  return { list, issuer, revoked };
}

function verifyIssuer(list: CertificateList, issuers: readonly Certificate[]): Certificate {
  const named = issuers.filter((issuer) => issuer.subject.key === list.issuer.key);
  if (named.length === 0) throw new CrlRefusedError('its issuer is not among the trusted CAs');
  const issuer = named.find(({ publicKey }) =>
    verifySignature(list.signatureAlgorithm, publicKey, list.tbs, list.signature),
  );
  if (!issuer) throw new CrlRefusedError('its signature is not by its issuer');
  // RFC 5280 §6.3.3 (f).
  const usage = issuer.extensions.keyUsage;
  if (usage && !usage.has(KeyUsage.cRLSign))
    throw new CrlRefusedError('its issuer may not sign CRLs (key usage cRLSign)');
  return issuer;
}

function checkScope({ extensions }: CertificateList): void {
  if (extensions.deltaCrlIndicator !== undefined) throw new CrlRefusedError('it is a delta CRL');
  if (extensions.issuingDistributionPoint)
    throw new CrlRefusedError('it covers only a part of the certificates (issuingDistributionPoint)');
  const unknown = [...extensions.all.values()].find(({ critical }) => critical);
  if (unknown) throw new CrlRefusedError(`it has the critical extension ${unknown.oid}`);
}

/** Throws {@link CrlRefusedError} unless thisUpdate ≤ now ≤ nextUpdate (RFC 5280 §6.3.3). */
export function checkCurrent({ thisUpdate, nextUpdate }: CertificateList, now: Date): void {
  if (!nextUpdate) throw new CrlRefusedError('it does not say when the next one comes (nextUpdate)');
  if (thisUpdate > now) throw new CrlRefusedError(`it is from the future (thisUpdate ${thisUpdate.toISOString()})`);
  if (nextUpdate < now) throw new CrlRefusedError(`it is stale (nextUpdate ${nextUpdate.toISOString()})`);
}
