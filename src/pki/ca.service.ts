import type { EventBus } from '../events/index.js';
import {
  findCertificate,
  isCompromisedKey,
  listCertificates,
  type CertificateFilter,
  type CertificatePage,
  type CertificateRow,
} from '../store/index.js';
import {
  DecodeError,
  decodeCertificationRequest,
  octetsFromPemOrDer,
  encodePem,
  ProofOfPossessionError,
  type Certificate,
  CertificationRequest,
  type GeneralName,
} from '../x509/index.js';
import { AcceptedRequest } from './issuance/accepted-request.js';
import { issueCertificate, keyDigest, type IssuanceContext } from './issuance/issue-certificate.js';
import type { Authority } from './issuer/authority.js';
import { PkiError } from './pki-error.js';
import type { PkiSettings, Requester } from './pki-settings.js';
import { endEntityProfile } from './profile/profile.js';
import { trustBundle } from './publication/trust-files.js';
import type { RevocationRegistry } from './revocation/revocation-registry.js';
import type { Revocation, RevocationRequest, RevocationService } from './revocation/revocation.service.js';

/** What a door hands in. */
export interface IssueRequest {
  /** A PKCS#10 request, PEM or DER, or one that was read before. */
  readonly request: Uint8Array | string | CertificationRequest;
  /** `service` when absent. */
  readonly profile?: string | undefined;
  /** The service's name; the request's common name when absent. */
  readonly service?: string | undefined;
  /** Names beside those in the request. */
  readonly names?: readonly GeneralName[] | undefined;
  /** The only names that may be had. Absent: any well-formed ones, for requesters who are trusted to name them. */
  readonly allowedNames?: readonly GeneralName[] | undefined;
  /** Seconds; the profile's own when absent. */
  readonly lifetime?: number | undefined;
  readonly requester: Requester;
}

/** A certificate that is signed and stored. */
export interface IssuedCertificate {
  readonly certificate: Certificate;
  readonly certificatePem: string;
  /** Leaf first, then its issuing CA; the root is left out. */
  readonly chain: readonly Certificate[];
  readonly chainPem: string;
}

/** The certification authority, for every door to it. */
export class CaService {
  readonly #authorities: readonly Authority[];
  readonly #settings: PkiSettings;
  readonly #context: IssuanceContext;
  readonly #events: EventBus;
  readonly #revocations: RevocationService;
  readonly #registry: RevocationRegistry;

  constructor(parts: {
    readonly authorities: readonly Authority[];
    readonly settings: PkiSettings;
    readonly context: IssuanceContext;
    readonly events: EventBus;
    readonly revocations: RevocationService;
    readonly registry: RevocationRegistry;
  }) {
    this.#authorities = parts.authorities;
    this.#settings = parts.settings;
    this.#context = parts.context;
    this.#events = parts.events;
    this.#revocations = parts.revocations;
    this.#registry = parts.registry;
  }

  /** Our CAs, the root first. */
  get authorities(): readonly Authority[] {
    return this.#authorities;
  }

  /** The CA that issues end-entity certificates. Throws PkiError `authority_missing`. */
  get issuing(): Authority {
    const issuing = this.#authorities.findLast(({ role }) => role === 'issuing');
    if (!issuing) throw new PkiError('authority_missing', 'there is no issuing CA yet');
    return issuing;
  }

  /** Every CA certificate as PEM, the root first. */
  get trustBundle(): string {
    return trustBundle(this.#authorities);
  }

  /** Opens the key of every CA of ours now, instead of at its first signature. Throws PkiError with what is wrong. */
  async openKeys(): Promise<void> {
    // One after the other: derivation takes a core for itself, and the start goes on beside it.
    for (const { issuer } of this.#authorities) await issuer.open();
  }

  /** Issues a certificate, or throws PkiError with the code of what cannot be had, and nothing was signed. What it returns is stored. */
  async issue(wanted: IssueRequest): Promise<IssuedCertificate> {
    try {
      return await this.#issue(wanted);
    } catch (error) {
      if (error instanceof PkiError) {
        const { actor: requester, requestId } = wanted.requester;
        this.#events.emit('issuance.refused', { code: error.code, requester, requestId });
      }
      throw error;
    }
  }

  /** See {@link RevocationService.revoke}. */
  revoke(request: RevocationRequest): Promise<Revocation> {
    return this.#revocations.revoke(request);
  }

  /** The row of a serial number in lower-case hexadecimal. */
  find(serialNumber: string): Promise<CertificateRow | undefined> {
    return findCertificate(this.#context.store.database, serialNumber);
  }

  /** A page of certificates, newest first. Throws CursorError and RangeError. */
  list(filter: CertificateFilter = {}): Promise<CertificatePage> {
    return listCertificates(this.#context.store.database, { now: this.#context.now(), ...filter });
  }

  async #issue({ request, profile = 'service', requester, ...wanted }: IssueRequest): Promise<IssuedCertificate> {
    const { organization, serviceLifetime } = this.#settings;
    const accepted = AcceptedRequest.accept(readRequest(request), {
      profile: endEntityProfile(profile, serviceLifetime),
      organization,
      requester,
      service: wanted.service,
      names: wanted.names ?? [],
      allowedNames: wanted.allowedNames,
      lifetime: wanted.lifetime,
    });
    await this.#checkKeyHistory(accepted);
    const authority = this.#usableIssuer();
    const certificate = await issueCertificate(accepted, authority.issuer, this.#context);
    this.#events.emit('certificate.issued', {
      serialNumber: certificate.serialNumber,
      issuer: authority.id,
      profile,
      service: accepted.service,
      notAfter: certificate.notAfter,
      requester: requester.actor,
      requestId: requester.requestId,
    });
    const certificatePem = encodePem('CERTIFICATE', certificate.der);
    const chain = [certificate, authority.certificate];
    return { certificate, certificatePem, chain, chainPem: certificatePem + authority.certificatePem };
  }

  /** A CA that is revoked issues nothing. When that cannot be known, the store is gone and nothing can be issued anyway. */
  #usableIssuer(): Authority {
    const { issuing } = this;
    const parent = this.#authorities.find(({ id }) => id === issuing.parent);
    if (parent && this.#registry.statusOf(parent.certificate, issuing.certificate.serialNumber).status === 'revoked')
      throw new PkiError('issuer_revoked', `the issuing CA ${issuing.id} is revoked`);
    return issuing;
  }

  /** CA/Browser Forum Baseline Requirements §6.1.1.3: a key that was reported compromised is not certified again; nor is a CA's own. */
  async #checkKeyHistory({ publicKey }: AcceptedRequest): Promise<void> {
    if (this.#authorities.some(({ certificate }) => Buffer.compare(certificate.publicKey.der, publicKey.der) === 0))
      throw new PkiError('public_key_not_allowed', 'this is the key of a CA');
    if (await isCompromisedKey(this.#context.store.database, keyDigest(publicKey.der)))
      throw new PkiError('key_compromised', 'a certificate of this key was revoked because the key was compromised');
  }
}

function readRequest(request: IssueRequest['request']): CertificationRequest {
  if (request instanceof CertificationRequest) return request;
  try {
    const [octets, ...more] = octetsOf(request);
    if (!octets || more.length > 0) throw new PkiError('request_malformed', 'there is more than one request');
    return decodeCertificationRequest(octets);
  } catch (error) {
    if (error instanceof ProofOfPossessionError)
      throw new PkiError('proof_of_possession_failed', error.message, { cause: error });
    if (error instanceof DecodeError)
      throw new PkiError('request_malformed', `the request cannot be read: ${error.message}`, { cause: error });
    throw error;
  }
}

/** RFC 7468 §7: CERTIFICATE REQUEST; older tools write NEW CERTIFICATE REQUEST. */
function octetsOf(request: Uint8Array | string): Uint8Array[] {
  const start = typeof request === 'string' ? request : Buffer.from(request.subarray(0, 8192)).toString('latin1');
  return octetsFromPemOrDer(
    request,
    start.includes('BEGIN NEW CERTIFICATE REQUEST') ? 'NEW CERTIFICATE REQUEST' : 'CERTIFICATE REQUEST',
  );
}
