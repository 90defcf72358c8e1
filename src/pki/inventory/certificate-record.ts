import type { CertificateRow } from '../../store/index.js';

/** A certificate of the inventory as the API and the commands show it: times in ISO 8601, absent values null. */
export interface CertificateRecord {
  readonly serial_number: string;
  readonly issuer: string;
  readonly profile: string;
  readonly service: string | null;
  /** The subject as text (RFC 4514). */
  readonly subject: string;
  readonly status: 'active' | 'expired' | 'revoked';
  readonly not_before: string;
  readonly not_after: string;
  readonly issued_at: string;
  readonly requester: string;
  readonly revoked_at: string | null;
  /** The name of a CRLReason (RFC 5280 §5.3.1). */
  readonly revocation_reason: string | null;
  /** The time since which the certificate is believed to be invalid (RFC 5280 §5.3.2), if it was given with the revocation. */
  readonly invalidity_date: string | null;
  readonly fingerprint_sha256: string;
}

/** A certificate for JSON. `now` decides between active and expired. */
export function certificateRecord(row: CertificateRow, now: Date): CertificateRecord {
  return {
    serial_number: row.serial,
    issuer: row.issuer,
    profile: row.profile,
    service: row.service,
    subject: row.subject,
    status: statusOf(row, now),
    not_before: iso(row.not_before),
    not_after: iso(row.not_after),
    issued_at: iso(row.issued_at),
    requester: row.requester,
    revoked_at: isoOrNull(row.revoked_at),
    revocation_reason: row.revocation_reason,
    invalidity_date: isoOrNull(row.invalidity_date),
    fingerprint_sha256: row.fingerprint,
  };
}

function statusOf({ status, not_after: notAfter }: CertificateRow, now: Date): CertificateRecord['status'] {
  if (status === 'revoked') return 'revoked';
  return notAfter < now.getTime() ? 'expired' : 'active';
}

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
const isoOrNull = (milliseconds: number | null): string | null => (milliseconds === null ? null : iso(milliseconds));
