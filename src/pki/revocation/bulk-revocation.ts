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

/** A request to revoke many certificates for `reason`, or to release them from hold. */
export interface BulkRequest {
  /** The certificates to change; all conditions must hold. Certificates of CAs are never changed. */
  readonly selection: Selection;
  /** The name of a CRLReason (RFC 5280 §5.3.1); `unspecified` when absent. */
  readonly reason?: string | undefined;
  readonly invalidityDate?: Date | undefined;
  /** Release certificates from hold instead of revoking them. */
  readonly release?: boolean | undefined;
  readonly requester: Requester;
  /** Called after each chunk with the number of certificates examined so far and the total number to examine. */
  readonly onProgress?: ((looked: number, of: number) => void) | undefined;
}

const CHUNK = 500;

/** What is changed, window by window. `since`: the end of the first one, in milliseconds since 1970. */
interface Changes extends BulkRequest {
  readonly reason: string;
  readonly release: boolean;
  readonly since: number;
  readonly onWindow: (count: number) => void;
  /** The services of what was found are added, `null` for none, whoever changed it in the end. */
  readonly services: Set<string | null>;
}

/**
 * Revokes or releases all certificates of a service, a profile, an issuer or a key that have not expired, or can still be renewed. Each transaction changes
 * a chunk of certificates and writes one audit row for each, so that other writers are not blocked and a later failure undoes nothing. After an
 * interruption, calling it again continues: certificates that were changed already are skipped.
 */
export class BulkRevocation {
  readonly #store: Store;
  readonly #audit: AuditLog;
  readonly #events: EventBus;
  readonly #revocations: RevocationService;
  readonly #now: () => Date;
  readonly #graceMs: number;
  readonly #earliestNow: () => Promise<Date>;

  constructor(parts: {
    readonly store: Store;
    readonly audit: AuditLog;
    readonly events: EventBus;
    readonly revocations: RevocationService;
    readonly now: () => Date;
    /** Seconds after its end in which a certificate can be renewed. */
    readonly renewalGrace: number | undefined;
  }) {
    this.#store = parts.store;
    this.#audit = parts.audit;
    this.#events = parts.events;
    this.#revocations = parts.revocations;
    this.#now = parts.now;
    this.#graceMs = (parts.renewalGrace ?? 0) * 1000;
    this.#earliestNow = () => earliestNow(parts);
  }

  /**
   * Returns the number of certificates that were changed. Throws PkiError `reason_not_allowed` and `invalidity_date_not_allowed`, and what the store
   * throws; chunks that were committed before stay changed.
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
    const since = now.getTime() - this.#graceMs;
    let [looked, changed, of] = [0, 0, 0];
    if (onProgress)
      for (const status of statuses)
        of += await countCertificateWindows(this.#store.database, { ...selection, status, since });
    const onWindow = (count: number): void => onProgress?.((looked += count), of);
    const each = { ...request, reason, release, since, onWindow, services: new Set<string | null>() };
    for (const status of statuses) changed += await this.#changeAll(status, each);
    if (each.services.size > 0 && !release) changed += await this.#changeRenewed(each);
    await this.#audit.append({ ...entry, phase: 'result', detail: { certificates: String(changed) } });
    return changed;
  }

  /**
   * Changes what holders had renewed between the look and the change; returns how many it changed. Once a look finds none, there is nothing left to renew.
   * From the second one on it looks only at the services of those that were found, as others may be issued to all the time.
   */
  async #changeRenewed(changes: Changes): Promise<number> {
    const onWindow = (): void => undefined;
    let services = new Set<string | null>();
    let changed = await this.#changeAll('active', { ...changes, onWindow, services });
    while (services.size > 0) {
      const found = services;
      services = new Set();
      for (const service of found) {
        if (service === null) continue;
        const selection = { ...changes.selection, service };
        changed += await this.#changeAll('active', { ...changes, selection, onWindow, services });
      }
    }
    return changed;
  }

  /** Changes all of a status, window by window; returns how many it changed. */
  async #changeAll(status: 'active' | 'revoked', request: Changes): Promise<number> {
    const { selection, since, onWindow, services } = request;
    let changed = 0;
    let after = { notAfter: since - 1, serial: '' };
    for (;;) {
      const window = await listCertificateWindow(this.#store.database, { ...selection, status, after, limit: CHUNK });
      const wanted = window.filter((row) => isMeant(row, selection, request.reason, request.release));
      for (const { service } of wanted) services.add(service);
      if (wanted.length > 0) changed += await this.#change(wanted, request);
      onWindow(window.length);
      const last = window.at(-1);
      if (!last || window.length < CHUNK) return changed;
      after = { notAfter: last.not_after, serial: last.serial };
      await setImmediate();
    }
  }

  async #change(rows: readonly WindowRow[], request: Changes): Promise<number> {
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
    { reason, release, invalidityDate, requester, now }: Changes & { readonly now: Date },
  ): Promise<{ readonly row: WindowRow; readonly sequence: number; readonly revokedAt: Date }[]> {
    let sequence = await lastRevocationSequence(transaction);
    const done: { row: WindowRow; sequence: number; revokedAt: Date }[] = [];
    // Read again inside the transaction: another process may have changed the certificates meanwhile.
    const current = await listCertificateWindow(transaction, { serials: rows.map(({ serial }) => serial) });
    for (const row of current) {
      if (!canChange(row, reason, release)) continue;
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

/** The statuses of the certificates to examine, in order. */
function statusesFor(reason: string, release: boolean): readonly ('active' | 'revoked')[] {
  if (release) return ['revoked'];
  // `revoked` comes first, so that certificates revoked by this run are not examined again. A certificate that is put on hold meanwhile may be
  // missed, but it is refused anyway. In the opposite order a certificate that is released meanwhile would be missed, and accepted.
  return reason === HOLD ? ['active'] : ['revoked', 'active'];
}

const isMeant = (row: WindowRow, selection: Selection, reason: string, release: boolean): boolean =>
  !isAuthorityProfile(row.profile) && canChange(row, reason, release) && certificatesOf(selection, row);

const canChange = (row: WindowRow, reason: string, release: boolean): boolean =>
  release ? row.revocation_reason === HOLD : isRevocable(row, reason);
