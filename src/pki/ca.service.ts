import type { EventBus } from '../events/index.js';
import {
  CursorError,
  findCertificate,
  hasCertificate,
  listCertificates,
  type CertificateFilter,
  type CertificatePage,
  type CertificateRow,
  type Selection,
} from '../store/index.js';
import {
  Issuance,
  issuingOf,
  type HolderRequest,
  type IssueRequest,
  type RenewalRequest,
} from './issuance/issuance.js';
import type { IssuedCertificate } from './issuance/issued-certificate.js';
import type { IntermediateRequest } from './issuance/intermediate.js';
import type { IssuanceContext } from './issuance/issue-certificate.js';
import { signsLists } from './crl/crl.service.js';
import type { Authorities } from './issuer/authorities.js';
import type { Authority } from './issuer/authority.js';
import { wipePassphrases } from './issuer/passphrase.js';
import { isReadOnce } from './issuer/secret-file.js';
import type { OcspService } from './ocsp/ocsp.service.js';
import { PkiError } from './pki-error.js';
import type { PkiSettings } from './pki-settings.js';
import type { Profiles } from './profile/profiles.js';
import type { ReservedNames } from './profile/reserved-names.js';
import { readSpiffeBundle } from './publication/spiffe-bundle.js';
import { crossCertificates, trustBundle } from './publication/trust-files.js';
import type { RevocationRegistry } from './revocation/revocation-registry.js';
import { BulkRevocation, type BulkRequest } from './revocation/bulk-revocation.js';
import { checkReleaser } from './revocation/release-policy.js';
import type { Release, Revocation, RevocationRequest, RevocationService } from './revocation/revocation.service.js';

/** The certification authority, for every door to it. */
export class CaService {
  readonly #authorities: Authorities;
  readonly #settings: PkiSettings;
  readonly #context: IssuanceContext;
  readonly #events: EventBus;
  readonly #revocations: RevocationService;
  readonly #issuance: Issuance;
  readonly #ocsp: OcspService | undefined;
  #spiffeBundle: { readonly of: readonly Authority[]; readonly text: Promise<string> } | undefined;
  /** Every profile that can be asked for. */
  readonly profiles: Profiles;

  constructor(parts: {
    readonly authorities: Authorities;
    readonly settings: PkiSettings;
    readonly profiles: Profiles;
    readonly context: IssuanceContext;
    readonly events: EventBus;
    readonly revocations: RevocationService;
    readonly registry: RevocationRegistry;
    /** Undefined where OCSP is not answered. */
    readonly ocsp: OcspService | undefined;
  }) {
    this.#authorities = parts.authorities;
    this.#ocsp = parts.ocsp;
    this.#settings = parts.settings;
    this.#context = parts.context;
    this.#events = parts.events;
    this.#revocations = parts.revocations;
    this.profiles = parts.profiles;
    this.#issuance = new Issuance(parts);
  }

  /** Our CAs, the roots first. Another array when anything about them has changed. */
  get authorities(): readonly Authority[] {
    return this.#authorities.all;
  }

  /** The CA that issues end-entity certificates now. Throws PkiError `authority_missing`. */
  get issuing(): Authority {
    return issuingOf(this.authorities);
  }

  /** Every CA certificate that is trusted now as PEM, the roots first. */
  get trustBundle(): string {
    return trustBundle(this.authorities);
  }

  /** The same certificates as a SPIFFE trust bundle, JSON, as the store has them. Throws what the store throws. */
  async spiffeBundle(): Promise<string> {
    const { authorities } = this;
    // The promise is kept, so that many who ask at once have the record read once.
    if (this.#spiffeBundle?.of !== authorities)
      this.#spiffeBundle = { of: authorities, text: readSpiffeBundle(this.#context.store.database) };
    const { text } = this.#spiffeBundle;
    try {
      return await text;
    } catch (error) {
      if (this.#spiffeBundle.text === text) this.#spiffeBundle = undefined;
      throw error;
    }
  }

  /** Every cross-certificate that is good now as PEM; empty while there is one root. */
  get crossCertificates(): string {
    return crossCertificates(this.authorities);
  }

  /** What only operators and administrators have certified, as of now. */
  get reservedNames(): ReservedNames | undefined {
    return this.#settings.reservedNames?.();
  }

  /**
   * Opens the key of every CA that may sign now, instead of at its first signature, and wipes a passphrase that came through a pipe: before that, the keys of
   * OCSP responders and of removed CAs, which sign lists, are opened with it as well. Throws PkiError with what is wrong with the key of a CA.
   */
  async openKeys(): Promise<void> {
    try {
      // One after the other: derivation takes a core for itself, and the start goes on beside it.
      for (const { issuer, state } of this.authorities) if (state !== 'removed') await issuer.open();
      if (!isReadOnce(this.#settings.passphraseFile)) return;
      await this.#openRemoved();
      await this.#ocsp?.open();
    } finally {
      wipePassphrases(this.#settings.passphraseFile);
    }
  }

  /** Nobody needs them to begin: what is wrong with one is told. */
  async #openRemoved(): Promise<void> {
    for (const authority of this.authorities)
      try {
        const isRemoved = authority.state === 'removed';
        if (isRemoved && (await signsLists(authority, this.#settings, this.#context.now())))
          await authority.issuer.open();
      } catch (error) {
        this.#events.emit('background.failed', { task: 'crl.publish', error });
      }
  }

  /** See {@link Issuance.issue}. */
  issue(wanted: IssueRequest): Promise<IssuedCertificate> {
    return this.#issuance.issue(wanted);
  }

  /** See {@link Issuance.issueToHolder}. */
  issueToHolder(wanted: HolderRequest): Promise<IssuedCertificate> {
    return this.#issuance.issueToHolder(wanted);
  }

  /** See {@link Issuance.renew}. */
  renew(wanted: RenewalRequest): Promise<IssuedCertificate> {
    return this.#issuance.renew(wanted);
  }

  /** See {@link Issuance.issueIntermediate}. */
  issueIntermediate(wanted: IntermediateRequest): Promise<IssuedCertificate> {
    return this.#issuance.issueIntermediate(wanted);
  }

  /** See {@link Issuance.issuedBefore}. */
  issuedBefore(serialNumber: string): Promise<IssuedCertificate | undefined> {
    return this.#issuance.issuedBefore(serialNumber);
  }

  /** See {@link RevocationService.revoke}. */
  revoke(request: RevocationRequest): Promise<Revocation> {
    return this.#revocations.revoke(request);
  }

  /** See {@link RevocationService.release} and {@link checkReleaser}. */
  async release(request: Pick<RevocationRequest, 'serialNumber' | 'requester'>): Promise<Release> {
    const row = await this.find(request.serialNumber);
    if (row)
      checkReleaser(row, { requester: request.requester, profiles: this.profiles, reserved: this.reservedNames });
    return this.#revocations.release(request);
  }

  /** See {@link BulkRevocation.run}. */
  revokeAll(request: BulkRequest): Promise<number> {
    const { store, audit, now } = this.#context;
    const { renewalGrace } = this.#settings;
    const parts = { store, audit, now, events: this.#events, revocations: this.#revocations, renewalGrace };
    return new BulkRevocation(parts).run(request);
  }

  /** Whether a certificate that fits all of `selection` was ever issued here. */
  hasIssued(selection: Selection): Promise<boolean> {
    return hasCertificate(this.#context.store.database, selection);
  }

  /** The row of a serial number in lower-case hexadecimal. */
  find(serialNumber: string): Promise<CertificateRow | undefined> {
    return findCertificate(this.#context.store.database, serialNumber);
  }

  /** A page of certificates, in the order of {@link listCertificates}. Throws PkiError `cursor_malformed`, and RangeError for a limit outside 1 to 1000. */
  async list(filter: CertificateFilter = {}): Promise<CertificatePage> {
    try {
      return await listCertificates(this.#context.store.database, { now: this.#context.now(), ...filter });
    } catch (error) {
      if (error instanceof CursorError) throw new PkiError('cursor_malformed', error.message, { cause: error });
      throw error;
    }
  }
}
