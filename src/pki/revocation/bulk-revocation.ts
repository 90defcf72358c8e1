import { setImmediate } from 'node:timers/promises';
import type { AuditLog } from '../../audit/index.js';
import type { EventBus } from '../../events/index.js';
import {
  certificatesOf,
  countCertificateWindows,
  lastRevocationSequence,
  listCertificateWindow,
  markReleased,
  markRevoked,
  type Selection,
  type Store,
  type Transaction,
  type WindowRow,
} from '../../store/index.js';
import { earliestNow } from '../earliest-now.js';
import type { Requester } from '../pki-settings.js';
import { isAuthorityProfile } from '../profile/profile.js';
import { HOLD, revocationReason } from './reason.js';
import {
  checkInvalidityDate,
  isRevocable,
  revocationDates,
  revocationDetail,
  type RevocationService,
} from './revocation.service.js';

/** What to do with many certificates: revoke them for `reason`, or release them from hold. */
export interface BulkRequest {
  /** Which certificates: all conditions hold together. Those of CAs are never among them. */
  readonly selection: Selection;
  /** A CRLReason's name; `unspecified` when absent. */
  readonly reason?: string | undefined;
  readonly invalidityDate?: Date | undefined;
  /** Lift holds instead. */
  readonly release?: boolean | undefined;
  readonly requester: Requester;
  /** Called after each transaction with the number of certificates that were looked at, and of all there are to look at. */
  readonly onProgress?: ((looked: number, of: number) => void) | undefined;
}

const CHUNK = 500;

/**
 * Revokes, or releases, every certificate of a service, a profile, an issuer or a key that has not expired. Each transaction takes a chunk of them, with a row
 * of the record for each certificate, so that others can write in between, and a later failure undoes nothing that was done. When it was cut short, calling
 * it again goes on where it stopped: what is done already is passed over.
 */
export class BulkRevocation {
  readonly #store: Store;
  readonly #audit: AuditLog;
  readonly #events: EventBus;
  readonly #revocations: RevocationService;
  readonly #now: () => Date;
  readonly #earliestNow: () => Promise<Date>;

  constructor(parts: {
    readonly store: Store;
    readonly audit: AuditLog;
    readonly events: EventBus;
    readonly revocations: RevocationService;
    readonly now: () => Date;
  }) {
    this.#store = parts.store;
    this.#audit = parts.audit;
    this.#events = parts.events;
    this.#revocations = parts.revocations;
    this.#now = parts.now;
    this.#earliestNow = () => earliestNow(parts);
  }

  /**
   * Returns how many were changed. Throws PkiError `reason_not_allowed` and `invalidity_date_not_allowed`, and what the store throws; what was done by then
   * stays done.
   */
  async run(request: BulkRequest): Promise<number> {
    const { selection, release = false, requester, onProgress } = request;
    const reason = revocationReason(request.reason ?? 'unspecified', false);
    checkInvalidityDate(request.invalidityDate, this.#now());
    const now = await this.#earliestNow();
    const { actor, requestId } = requester;
    const entry = {
      action: release ? 'certificates.release' : 'certificates.revoke',
      actor,
      requestId,
      subject: Object.entries(selection)
        .filter(([, value]) => value !== undefined)
        .flat()
        .join(' '),
    };
    const detail = release ? {} : revocationDetail(reason, request.invalidityDate);
    await this.#audit.append({ ...entry, phase: 'intent', detail });
    const statuses = statusesFor(reason, release);
    const since = now.getTime();
    let [looked, changed, of] = [0, 0, 0];
    if (onProgress)
      for (const status of statuses)
        of += await countCertificateWindows(this.#store.database, { ...selection, status, since });
    for (const status of statuses) {
      let after = { notAfter: since - 1, serial: '' };
      for (;;) {
        const window = await listCertificateWindow(this.#store.database, { ...selection, status, after, limit: CHUNK });
        const wanted = window.filter((row) => isMeant(row, selection));
        if (wanted.length > 0) changed += await this.#change(wanted, { ...request, reason, release });
        looked += window.length;
        onProgress?.(looked, of);
        const last = window.at(-1);
        if (!last || window.length < CHUNK) break;
        after = { notAfter: last.not_after, serial: last.serial };
        await setImmediate();
      }
    }
    await this.#audit.append({ ...entry, phase: 'result', detail: { certificates: String(changed) } });
    return changed;
  }

  async #change(
    rows: readonly WindowRow[],
    request: BulkRequest & { readonly reason: string; readonly release: boolean },
  ): Promise<number> {
    const now = await this.#earliestNow();
    const done = await this.#store.transaction((transaction) => this.#changeIn(transaction, rows, { ...request, now }));
    const last = new Map(done.map(({ row, sequence }) => [row.issuer, sequence]));
    for (const [issuer, sequence] of last) await this.#revocations.acknowledge(issuer, sequence);
    const { reason, release } = request;
    for (const { row, revokedAt } of done) {
      const about = { serialNumber: row.serial, issuer: row.issuer };
      if (release) this.#events.emit('certificate.released', about);
      else this.#events.emit('certificate.revoked', { ...about, reason, revokedAt });
    }
    return done.length;
  }

  async #changeIn(
    transaction: Transaction,
    rows: readonly WindowRow[],
    {
      reason,
      release,
      invalidityDate,
      requester,
      now,
    }: BulkRequest & { readonly reason: string; readonly release: boolean; readonly now: Date },
  ): Promise<{ readonly row: WindowRow; readonly sequence: number; readonly revokedAt: Date }[]> {
    let sequence = await lastRevocationSequence(transaction);
    const done: { row: WindowRow; sequence: number; revokedAt: Date }[] = [];
    // Read again, as another process may have been first.
    const current = await listCertificateWindow(transaction, { serials: rows.map(({ serial }) => serial) });
    for (const row of current) {
      if (release ? row.revocation_reason !== HOLD : !isRevocable(row, reason)) continue;
      sequence++;
      const { serial } = row;
      const dates = revocationDates(row, { now, invalidityDate });
      if (release) await markReleased(transaction, { certificate: row, releasedAt: now, sequence });
      else await markRevoked(transaction, { serial, reason, ...dates, sequence });
      const action = release ? 'certificate.release' : 'certificate.revoke';
      const { actor, requestId } = requester;
      const detail = release ? {} : revocationDetail(reason, invalidityDate);
      await this.#audit.append({ action, actor, requestId, subject: serial, phase: 'result', detail }, transaction);
      done.push({ row, sequence, revokedAt: dates.revokedAt });
    }
    return done;
  }
}

/** The statuses of the certificates that there is something to do for, in the order in which they are gone through. */
function statusesFor(reason: string, release: boolean): readonly ('active' | 'revoked')[] {
  if (release) return ['revoked'];
  // Revoked ones first, so that what is revoked here is not looked at again. One that is put on hold meanwhile may be missed, but is not let in; the other way
  // round, one that is released meanwhile would be missed, and let in.
  return reason === HOLD ? ['active'] : ['revoked', 'active'];
}

const isMeant = (row: WindowRow, selection: Selection): boolean =>
  !isAuthorityProfile(row.profile) &&
  (row.status === 'active' || row.revocation_reason === HOLD) &&
  certificatesOf(selection, row);
