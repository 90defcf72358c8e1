import { findIssued, type Store } from '../../store/index.js';
import { CrlReason, type CertStatus, type CrlReasonName } from '../../x509/index.js';
import type { Authority } from '../issuer/authority.js';
import { PkiError } from '../pki-error.js';
import type { RegistryStatus, RevocationRegistry } from '../revocation/revocation-registry.js';
import { BoundedMap } from './bounded-map.js';

const MOST_KNOWN = 50_000;

interface Issued {
  readonly issuer: string;
  /** In milliseconds. */
  readonly notAfter: number;
}

/** What there is to say about a certificate. */
export interface KnownStatus {
  readonly certStatus: CertStatus;
  /** What the registry said: the answer may be kept for as long as it says the same. */
  readonly registered: RegistryStatus;
  /** In milliseconds; undefined for what was never issued. */
  readonly notAfter: number | undefined;
}

/** The status of certificates of ours: revoked as the registry has it, good only for what is in the store, unknown for the rest. */
export class CertificateStatuses {
  readonly #store: Store;
  readonly #registry: RevocationRegistry;
  // Only that a certificate was issued is remembered: that one was not issued can change.
  readonly #issued = new BoundedMap<string, Issued>(MOST_KNOWN);

  constructor(store: Store, registry: RevocationRegistry) {
    this.#store = store;
    this.#registry = registry;
  }

  /** Throws what the store throws, and PkiError `status_unavailable` when it was not read for too long to call anything good. */
  async of({ id, certificate }: Authority, serialNumber: string): Promise<KnownStatus> {
    const issued = await this.#find(serialNumber);
    const registered = this.#registry.statusOf(certificate, serialNumber);
    // After a restore there may be serial numbers of which only the revocation is known, and not the certificate.
    const isLost = !issued && registered.status === 'revoked';
    if (issued?.issuer !== id && !isLost) return { certStatus: { status: 'unknown' }, registered, notAfter: undefined };
    const notAfter = issued?.notAfter;
    switch (registered.status) {
      case 'good':
        return { certStatus: { status: 'good' }, registered, notAfter };
      case 'revoked': {
        const reason = reasonOf(registered.reason);
        const certStatus = { status: 'revoked', revocationTime: registered.revokedAt, reason } as const;
        return { certStatus, registered, notAfter };
      }
      case 'unknown':
        throw new PkiError('status_unavailable', 'the store has not been readable for too long');
    }
  }

  /** Whether what was said of a certificate still is so. */
  isStill({ certificate }: Authority, serialNumber: string, before: RegistryStatus): boolean {
    const now = this.#registry.statusOf(certificate, serialNumber);
    if (now.status !== 'revoked' || before.status !== 'revoked') return now.status === before.status;
    return now.reason === before.reason && now.revokedAt.getTime() === before.revokedAt.getTime();
  }

  async #find(serialNumber: string): Promise<Issued | undefined> {
    const known = this.#issued.get(serialNumber);
    if (known) return known;
    const row = await findIssued(this.#store.database, serialNumber);
    if (!row) return undefined;
    const issued = { issuer: row.issuer, notAfter: row.not_after };
    this.#issued.set(serialNumber, issued);
    return issued;
  }
}

/** unspecified is left out, as in a revocation list (RFC 5280 §5.3.1). */
function reasonOf(name: string): number | undefined {
  const reason = Object.hasOwn(CrlReason, name) ? CrlReason[name as CrlReasonName] : CrlReason.unspecified;
  return reason === CrlReason.unspecified ? undefined : reason;
}
