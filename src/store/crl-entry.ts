import { CrlReason, encodeRevokedCertificate } from '../x509/index.js';

const reasons: ReadonlyMap<string, number> = new Map(Object.entries(CrlReason));

/**
 * Encodes a revocation as it stands on every list: one element of revokedCertificates (RFC 5280 §5.1.2.6, §5.3). Throws RangeError for an unknown reason.
 */
export function encodeCrlEntry({
  serial,
  reason: name,
  revokedAt,
  invalidityDate,
}: {
  /** Lower-case hexadecimal. */
  readonly serial: string;
  /** A CRLReason's name. */
  readonly reason: string;
  readonly revokedAt: Date;
  readonly invalidityDate?: Date | undefined;
}): Uint8Array {
  const reason = reasons.get(name);
  if (reason === undefined) throw new RangeError(`${name} is no reason of RFC 5280 §5.3.1`);
  const serialNumber = Buffer.from(serial, 'hex');
  return encodeRevokedCertificate({ serialNumber, revocationDate: revokedAt, reason, invalidityDate });
}
