import type { AuditLog } from '../../audit/index.js';
import type { EventBus } from '../../events/index.js';
import { findCertificate, markRevoked, type CertificateRow, type Store } from '../../store/index.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';
import { isAuthorityProfile } from '../profile/profile.js';
import { revocationReason } from './reason.js';
import type { RevocationRegistry } from './revocation-registry.js';

/** What is to be revoked. */
export interface RevocationRequest {
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
  /** A CRLReason's name; `unspecified` when absent. */
  readonly reason?: string | undefined;
  readonly requester: Requester;
}

/** A revocation that is durable. `already` when it was before this call: then time and reason are those of the first. */
export interface Revocation {
  readonly serialNumber: string;
  readonly issuer: string;
  readonly reason: string;
  readonly revokedAt: Date;
  readonly already: boolean;
}

/** Revokes certificates: once, for good. */
export class RevocationService {
  readonly #store: Store;
  readonly #audit: AuditLog;
  readonly #events: EventBus;
  readonly #registry: RevocationRegistry;
  readonly #now: () => Date;

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
  }

  /**
   * Revokes; when it returns, the registry of this process knows. Asking again changes nothing.
   * Throws PkiError `serial_unknown`, `reason_not_allowed` or `certificate_not_revocable` (a root), and what the store throws.
   */
  async revoke({ serialNumber, reason = 'unspecified', requester }: RevocationRequest): Promise<Revocation> {
    const known = await this.#find(serialNumber);
    if (known.profile === 'root')
      throw new PkiError(
        'certificate_not_revocable',
        'a root certificate cannot be revoked by a list that it signs itself',
      );
    const proven = revocationReason(reason, isAuthorityProfile(known.profile));
    const entry = {
      action: 'certificate.revoke',
      actor: requester.actor,
      requestId: requester.requestId,
      subject: serialNumber,
      detail: { reason: proven },
    };
    const already = await this.#store.transaction(async (transaction) => {
      // Looked at again: another process may have been first.
      const row = await findCertificate(transaction, serialNumber);
      if (row?.status === 'revoked') return true;
      await this.#audit.append({ ...entry, phase: 'intent' }, transaction);
      await markRevoked(transaction, { serial: serialNumber, reason: proven, revokedAt: this.#now() });
      await this.#audit.append({ ...entry, phase: 'result' }, transaction);
      return false;
    });
    await this.#registry.refresh();
    const revocation = revocationOf(await this.#find(serialNumber), already);
    if (!already) this.#events.emit('certificate.revoked', revocation);
    return revocation;
  }

  async #find(serialNumber: string): Promise<CertificateRow> {
    const row = await findCertificate(this.#store.database, serialNumber);
    if (!row)
      throw new PkiError(
        'serial_unknown',
        `no certificate has the serial number ${JSON.stringify(serialNumber.slice(0, 64))}`,
      );
    return row;
  }
}

function revocationOf(row: CertificateRow, already: boolean): Revocation {
  return {
    serialNumber: row.serial,
    issuer: row.issuer,
    reason: row.revocation_reason ?? 'unspecified',
    revokedAt: new Date(row.revoked_at ?? 0),
    already,
  };
}
