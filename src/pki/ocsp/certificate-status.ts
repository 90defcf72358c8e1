import { findIssued, type Store } from '../../store/index.js';
import { CrlReason, type CertStatus, type CrlReasonName } from '../../x509/index.js';
import type { Authority } from '../issuer/authority.js';
import { PkiError } from '../pki-error.js';
import type { RegistryStatus, RevocationRegistry } from '../revocation/revocation-registry.js';
import { BoundedMap } from './bounded-map.js';

const MOST_KNOWN = 50_000;

interface Issued {
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

/** What an OCSP response says about a certificate. */
export interface KnownStatus {
  readonly certStatus: CertStatus;
  /** The registry's status that `certStatus` is based on. The response may be reused while the registry still says the same. */
  readonly registered: RegistryStatus;
  /** Milliseconds since 1970; undefined when the store does not have the certificate. */
  readonly notAfter: number | undefined;
}

/**
 * The status of certificates of our CAs: revoked if the registry has the revocation, good only if the store has the certificate, and unknown
 * otherwise.
 */
export class CertificateStatuses {
  readonly #store: Store;
  readonly #registry: RevocationRegistry;
  // Only certificates that were found are cached: one that was not found may be issued later.
  readonly #issued = new BoundedMap<string, Issued>(MOST_KNOWN);

  constructor(store: Store, registry: RevocationRegistry) {
    this.#store = store;
    this.#registry = registry;
  }

  /**
   * The status of a certificate of this CA. Throws what the store throws, and PkiError `status_unavailable` when the store has not been read for too
   * long to call a certificate good.
   */
  async of({ id, certificate }: Authority, serialNumber: string): Promise<KnownStatus> {
    const issued = await this.#find(serialNumber);
    const registered = this.#registry.statusOf(certificate, serialNumber);
    // After a restore there may be serial numbers whose revocation is known while their certificate is lost.
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

  /** Whether the status `before` of a certificate is still current. */
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

/** The reason is omitted when it is `unspecified`, as in a CRL (RFC 5280 §5.3.1). */
function reasonOf(name: string): number | undefined {
  const reason = Object.hasOwn(CrlReason, name) ? CrlReason[name as CrlReasonName] : CrlReason.unspecified;
  return reason === CrlReason.unspecified ? undefined : reason;
}
