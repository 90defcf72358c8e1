import type { AuditLog } from '../../audit/index.js';
import type { EventBus } from '../../events/index.js';
import {
  findCertificate,
  markReleased,
  markRevoked,
  type CertificateRow,
  type Store,
  type Transaction,
} from '../../store/index.js';
import { earliestNow } from '../earliest-now.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';
import { isAuthorityProfile } from '../profile/profile.js';
import { HOLD, isCompromise, revocationReason } from './reason.js';
import type { RevocationRegistry } from './revocation-registry.js';

/** A request to revoke a certificate. */
export interface RevocationRequest {
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
  /** The name of a CRLReason (RFC 5280 §5.3.1); `unspecified` when absent. certificateHold can be released, all others are final. */
  readonly reason?: string | undefined;
  /** When the key is believed to have been compromised, or the certificate to have become invalid (RFC 5280 §5.3.2). */
  readonly invalidityDate?: Date | undefined;
  readonly requester: Requester;
}

/**
 * A revocation that is committed to the store. `already`: the certificate had been revoked before this call, which changed nothing; time and reason are
 * those of the earlier revocation.
 */
export interface Revocation {
  readonly serialNumber: string;
  readonly issuer: string;
  readonly reason: string;
  readonly revokedAt: Date;
  readonly already: boolean;
}

/** The result of releasing a certificate. `already`: the certificate was not on hold. */
export interface Release {
  readonly serialNumber: string;
  readonly issuer: string;
  readonly already: boolean;
}

/** Revokes certificates, finally or on hold, and releases certificates from hold. */
export class RevocationService {
  readonly #store: Store;
  readonly #audit: AuditLog;
  readonly #events: EventBus;
  readonly #registry: RevocationRegistry;
  readonly #now: () => Date;
  readonly #earliestNow: () => Promise<Date>;
  readonly #acknowledged = new Map<string, number>();

  constructor(parts: {
    readonly store: Store;
    readonly audit: AuditLog;
    readonly events: EventBus;
    readonly registry: RevocationRegistry;
    readonly now: () => Date;
  }) {
    this.#store = parts.store;
    this.#audit = parts.audit;
    this.#events = parts.events;
    this.#registry = parts.registry;
    this.#now = parts.now;
    this.#earliestNow = () => earliestNow(parts);
  }

  /**
   * The highest sequence number of an issuer's changes that this process has reported to a caller. Every list signed later must include the changes
   * up to it.
   */
  acknowledged(issuer: string): number {
    return this.#acknowledged.get(issuer) ?? 0;
  }

  /**
   * Revokes a certificate. When it returns, the registry of this process has the revocation. Revoking again changes nothing, except that a hold can
   * become final, and another reason a compromise. Throws PkiError `serial_unknown`, `reason_not_allowed`, `invalidity_date_not_allowed` or
   * `certificate_not_revocable` (a root), and what the store throws.
   */
  async revoke({
    serialNumber,
    reason = 'unspecified',
    invalidityDate,
    requester,
  }: RevocationRequest): Promise<Revocation> {
    const known = await this.#find(serialNumber);
    if (known.profile === 'root')
      throw new PkiError(
        'certificate_not_revocable',
        'a root certificate cannot be revoked by a list that it signs itself',
      );
    const proven = revocationReason(reason, isAuthorityProfile(known.profile));
    checkInvalidityDate(invalidityDate, this.#now());
    const now = await this.#earliestNow();
    const detail = revocationDetail(proven, invalidityDate);
    const entry = entryOf('certificate.revoke', serialNumber, requester, detail);
    const sequence = await this.#store.transaction(async (transaction) => {
      // Checked again inside the transaction: another process may have revoked the certificate meanwhile.
      const row = await this.#find(serialNumber, transaction);
      if (!isRevocable(row, proven)) return undefined;
      await this.#audit.append({ ...entry, phase: 'intent' }, transaction);
      const dates = revocationDates(row, { now, invalidityDate });
      const sequence = await markRevoked(transaction, { serial: serialNumber, reason: proven, ...dates });
      await this.#audit.append({ ...entry, phase: 'result' }, transaction);
      return sequence;
    });
    const already = sequence === undefined;
    await this.acknowledge(known.issuer, sequence ?? 0);
    const revocation = revocationOf(await this.#find(serialNumber), already);
    if (!already) this.#events.emit('certificate.revoked', revocation);
    return revocation;
  }

  /**
   * Releases a certificate from hold. When it returns, the registry of this process has the release. A certificate that is not revoked stays
   * unchanged. Throws PkiError `serial_unknown`, `revocation_final`, and what the store throws.
   */
  async release({ serialNumber, requester }: Pick<RevocationRequest, 'serialNumber' | 'requester'>): Promise<Release> {
    const entry = entryOf('certificate.release', serialNumber, requester, {});
    const releasedAt = await this.#earliestNow();
    const { issuer, sequence } = await this.#store.transaction(async (transaction) => {
      const row = await this.#find(serialNumber, transaction);
      if (row.status === 'active') return { issuer: row.issuer, sequence: undefined };
      if (row.revocation_reason !== HOLD)
        throw new PkiError('revocation_final', `the certificate was revoked for good (${row.revocation_reason})`);
      await this.#audit.append({ ...entry, phase: 'intent' }, transaction);
      const sequence = await markReleased(transaction, { certificate: row, releasedAt });
      await this.#audit.append({ ...entry, phase: 'result' }, transaction);
      return { issuer: row.issuer, sequence };
    });
    const already = sequence === undefined;
    await this.acknowledge(issuer, sequence ?? 0);
    if (!already) this.#events.emit('certificate.released', { serialNumber, issuer });
    return { serialNumber, issuer, already };
  }

  /** Brings a committed change into the registry of this process, before the caller is told of it. */
  async acknowledge(issuer: string, sequence: number): Promise<void> {
    this.#acknowledged.set(issuer, Math.max(this.acknowledged(issuer), sequence));
    await this.#registry.refresh();
  }

  async #find(
    serialNumber: string,
    database: Transaction | Store['database'] = this.#store.database,
  ): Promise<CertificateRow> {
    const row = await findCertificate(database, serialNumber);
    if (!row)
      throw new PkiError(
        'serial_unknown',
        `no certificate has the serial number ${JSON.stringify(serialNumber.slice(0, 64))}`,
      );
    return row;
  }
}

/**
 * Whether revoking for `reason` would change the certificate: it is active, or on hold and becomes finally revoked, or its key is said to be compromised now
 * (CA/Browser Forum Baseline Requirements §7.2.2: such a reason replaces another).
 */
export const isRevocable = (
  { status, revocation_reason: before }: Pick<CertificateRow, 'status' | 'revocation_reason'>,
  reason: string,
): boolean =>
  status === 'active' ||
  (before === HOLD && reason !== HOLD) ||
  (isCompromise(reason) && !(before !== null && isCompromise(before)));

/**
 * The dates of a revocation. What was revoked before, such as a hold that becomes final, keeps its revocation date, because the certificate has not been
 * valid since then, and its invalidity date unless a new one is given.
 */
export function revocationDates(
  { revoked_at: heldAt, invalidity_date: before }: Pick<CertificateRow, 'revoked_at' | 'invalidity_date'>,
  { now, invalidityDate }: { readonly now: Date; readonly invalidityDate: Date | undefined },
): { readonly revokedAt: Date; readonly invalidityDate: Date | undefined } {
  return {
    revokedAt: heldAt === null ? now : new Date(heldAt),
    invalidityDate: invalidityDate ?? (before === null ? undefined : new Date(before)),
  };
}

/** The details of a revocation for the audit record. */
export const revocationDetail = (
  reason: string,
  invalidityDate: Date | undefined,
): Readonly<Record<string, string>> => ({
  reason,
  ...(invalidityDate ? { invalidityDate: invalidityDate.toISOString() } : {}),
});

/**
 * Checks an invalidity date. Throws PkiError `invalidity_date_not_allowed` for a date in the future or before 1970, because some readers of lists
 * cannot handle dates before 1970.
 */
export function checkInvalidityDate(date: Date | undefined, now: Date): void {
  if (date && !(date <= now && date.getTime() >= 0))
    throw new PkiError(
      'invalidity_date_not_allowed',
      'the invalidity date is not a date, lies in the future, or is before 1970',
    );
}

const entryOf = (
  action: string,
  subject: string,
  { actor, requestId }: Requester,
  detail: Readonly<Record<string, string>>,
) => ({ action, actor, requestId, subject, detail });

function revocationOf(row: CertificateRow, already: boolean): Revocation {
  return {
    serialNumber: row.serial,
    issuer: row.issuer,
    reason: row.revocation_reason ?? 'unspecified',
    revokedAt: new Date(row.revoked_at ?? 0),
    already,
  };
}
