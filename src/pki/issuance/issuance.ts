import { formatDuration } from '../../configuration/index.js';
import type { EventBus } from '../../events/index.js';
import { compromisedKeys, findCertificate } from '../../store/index.js';
import {
  decodeCertificate,
  generalNameToString,
  sameKey,
  type Certificate,
  type CertificationRequest,
  type GeneralName,
} from '../../x509/index.js';
import type { Authorities } from '../issuer/authorities.js';
import type { Authority } from '../issuer/authority.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings, Requester } from '../pki-settings.js';
import type { Profiles } from '../profile/profiles.js';
import type { RevocationRegistry } from '../revocation/revocation-registry.js';
import { AcceptedRequest, type GrantedTerms } from './accepted-request.js';
import { readRequest } from './certification-request.js';
import { holderTerms, type Holder, type HolderTerms } from './holder-terms.js';
import { CallTaken, IdempotentCalls, type IdempotentCall } from './idempotency.js';
import { acceptIntermediate, type IntermediateRequest } from './intermediate.js';
import { keyCompromised, type Alongside } from './issuance-journal.js';
import { issueCertificate, reportRefusals, tellIssued, type IssuanceContext } from './issue-certificate.js';
import { withChain, type IssuedCertificate } from './issued-certificate.js';

/** A request for a certificate. */
export interface IssueRequest {
  /** A PKCS#10 request, PEM or DER, or one that was read before. */
  readonly request: Uint8Array | string | CertificationRequest;
  /** `service` when absent. */
  readonly profile?: string | undefined;
  /** The service's name; the request's common name when absent. */
  readonly service?: string | undefined;
  /** Names beside those in the request. */
  readonly names?: readonly GeneralName[] | undefined;
  /** When present, the only things that may be had. When absent, the requester's identity decides. */
  readonly granted?: GrantedTerms | undefined;
  /** Seconds; the profile's own when absent. */
  readonly lifetime?: number | undefined;
  /** The caller's Idempotency-Key: for a day, the same request with it gets the same certificate. */
  readonly idempotencyKey?: string | undefined;
  /** Runs in the transaction that stores the certificate. When it throws, so does the call, and nothing was issued. */
  readonly alongside?: Alongside | undefined;
  readonly requester: Requester;
}

/** The request of a certificate's holder for another one of the same kind. */
export type HolderRequest = Omit<IssueRequest, 'granted'> & { readonly holder: Holder };

/** A request to renew a certificate. */
export type RenewalRequest = Pick<HolderRequest, 'request' | 'holder' | 'idempotencyKey' | 'alongside' | 'requester'>;

/** From a request to a certificate that is stored, for whoever asks: by themselves, as the holder of another one, or for a CA below. */
export class Issuance {
  readonly #authorities: Authorities;
  readonly #settings: PkiSettings;
  readonly #profiles: Profiles;
  readonly #context: IssuanceContext;
  readonly #events: EventBus;
  readonly #registry: RevocationRegistry;
  readonly #calls: IdempotentCalls;

  constructor(parts: {
    readonly authorities: Authorities;
    readonly settings: PkiSettings;
    readonly profiles: Profiles;
    readonly context: IssuanceContext;
    readonly events: EventBus;
    readonly registry: RevocationRegistry;
  }) {
    this.#authorities = parts.authorities;
    this.#settings = parts.settings;
    this.#profiles = parts.profiles;
    this.#context = parts.context;
    this.#events = parts.events;
    this.#registry = parts.registry;
    this.#calls = new IdempotentCalls(parts.context.store, parts.context.now);
  }

  /** Issues a certificate, which is stored when this returns. Throws PkiError with the code of what may not be had; then nothing was signed. */
  issue(wanted: IssueRequest): Promise<IssuedCertificate> {
    return this.#reporting(wanted, () => this.#issue(wanted));
  }

  /**
   * As {@link issue}, for the holder of a certificate of this CA: with the same service and profile, no other names and no longer lifetime.
   * Throws PkiError `not_the_holder`, `name_not_allowed` or `lifetime_not_allowed` as well.
   */
  issueToHolder(wanted: HolderRequest): Promise<IssuedCertificate> {
    return this.#reporting(wanted, async () => {
      const held = await this.#held(wanted.holder);
      const { profile = held.profile, service = held.service, lifetime = held.lifetime } = wanted;
      if (profile !== held.profile || service !== held.service)
        throw new PkiError('not_the_holder', 'the certificate on the connection is for another service or profile');
      if (lifetime > held.lifetime)
        throw new PkiError(
          'lifetime_not_allowed',
          `the certificate on the connection had ${formatDuration(held.lifetime, 's')}`,
        );
      return this.#issue({
        ...wanted,
        profile,
        service,
        lifetime,
        granted: held,
        alongside: this.#stillHeld(wanted),
      });
    });
  }

  /**
   * A certificate of the same service, profile, names and lifetime for a new key, while the old one is good, or within `renewalGrace` after its end.
   * Throws PkiError `not_the_holder`, `key_not_new`, and as {@link issue}.
   */
  renew(wanted: RenewalRequest): Promise<IssuedCertificate> {
    const { renewalGrace: grace } = this.#settings;
    return this.#reporting(wanted, async () => {
      const { profile, service, names, lifetime, publicKey } = await this.#held(wanted.holder, grace);
      const request = await readRequest(wanted.request);
      if (sameKey(request.publicKey, publicKey))
        throw new PkiError('key_not_new', 'the request is for the key of the certificate that it should replace');
      return this.#issue({
        ...wanted,
        request,
        profile,
        service,
        names,
        granted: { service, names },
        lifetime,
        alongside: this.#stillHeld(wanted, grace),
      });
    });
  }

  async #held(holder: Holder, grace?: number, database = this.#context.store.database): Promise<HolderTerms> {
    const row = await findCertificate(database, holder.serialNumber);
    return holderTerms(row, holder, { now: this.#context.now(), profiles: this.#profiles, grace });
  }

  /** Checks again in the transaction that stores the new certificate, as the old one may have been revoked meanwhile. */
  #stillHeld(
    { holder, alongside }: Pick<HolderRequest, 'holder' | 'alongside'>,
    grace?: number,
  ): IssueRequest['alongside'] {
    return async (transaction, certificate) => {
      await this.#held(holder, grace, transaction);
      await alongside?.(transaction, certificate);
    };
  }

  #reporting<T>({ requester }: Pick<IssueRequest, 'requester'>, work: () => Promise<T>): Promise<T> {
    return reportRefusals(this.#events, requester, work);
  }

  /**
   * Signs the certificate of a CA whose key is elsewhere. This is for an operator at the command line, and never offered over HTTP. Throws PkiError
   * `ca_below_not_allowed`, `ca_limits_not_allowed`, `issuer_unknown`, `profile_unknown`, and as {@link issue}.
   */
  issueIntermediate(wanted: IntermediateRequest): Promise<IssuedCertificate> {
    return this.#reporting(wanted, async () => {
      const authorities = this.#authorities.all;
      const authority = authorities.find(({ id, role, state }) =>
        wanted.issuer === undefined ? role === 'root' && state === 'active' : id === wanted.issuer,
      );
      if (!authority) throw new PkiError('issuer_unknown', `there is no CA ${JSON.stringify(wanted.issuer ?? 'root')}`);
      const { organization } = this.#settings;
      const request = await readRequest(wanted.request);
      const profile = this.#profiles.intermediate(wanted.profile ?? 'intermediate');
      const accepted = acceptIntermediate(request, wanted, { profile, authority, authorities, organization });
      this.#checkNotOurs(accepted);
      const certificate = await issueCertificate(accepted, authority.issuer, this.#context);
      tellIssued(this.#events, certificate, accepted, authority.id);
      return withChain(certificate, authority);
    });
  }

  /** A certificate that was issued before, with its chain; undefined when it is revoked or expired. */
  async issuedBefore(serialNumber: string): Promise<IssuedCertificate | undefined> {
    const row = await findCertificate(this.#context.store.database, serialNumber);
    const authority = this.#authorities.all.find(({ id }) => id === row?.issuer);
    if (!row || !authority || row.status === 'revoked' || row.not_after < this.#context.now().getTime())
      return undefined;
    return withChain(decodeCertificate(row.der), authority);
  }

  async #issue({ request, profile = 'service', requester, ...wanted }: IssueRequest): Promise<IssuedCertificate> {
    const { organization } = this.#settings;
    const read = await readRequest(request);
    const accepted = AcceptedRequest.accept(read, {
      profile: this.#profiles.named(profile),
      organization,
      requester,
      service: wanted.service,
      names: wanted.names ?? [],
      granted: wanted.granted,
      reserved: this.#settings.reservedNames?.(),
      lifetime: wanted.lifetime,
    });
    this.#checkNotOurs(accepted);
    const call = callOf(read, { ...wanted, request, profile, requester });
    // A key that was reported compromised meanwhile does not get its certificate again either.
    if (call) await this.#checkNotCompromised(accepted);
    const before = call && (await this.#calls.find(call));
    if (before !== undefined) return this.#again(before);
    const alongside = this.#alongside(call, wanted.alongside);
    let signed: { readonly certificate: Certificate; readonly authority: Authority };
    try {
      signed = await this.#byActive(async (authority) => ({
        certificate: await issueCertificate(accepted, authority.issuer, this.#context, alongside),
        authority,
      }));
    } catch (error) {
      const first = error instanceof CallTaken && call ? await this.#calls.find(call) : undefined;
      if (first === undefined) throw error;
      return this.#again(first);
    }
    const { certificate, authority } = signed;
    tellIssued(this.#events, certificate, accepted, authority.id);
    return withChain(certificate, authority);
  }

  /** When another CA has become active and this process has not heard of it yet, it reads the CAs again and signs once more. */
  async #byActive<T>(sign: (authority: Authority) => Promise<T>): Promise<T> {
    try {
      return await sign(this.#usableIssuer());
    } catch (error) {
      if (!(error instanceof PkiError) || error.code !== 'issuer_inactive') throw error;
      await this.#authorities.refresh();
      return sign(this.#usableIssuer());
    }
  }

  /** Undefined when nothing is to be done alongside: then the certificate may be stored together with others. */
  #alongside(call: IdempotentCall | undefined, alongside: Alongside | undefined): Alongside | undefined {
    if (!call) return alongside;
    return async (transaction, certificate) => {
      await this.#calls.record(call, certificate.serialNumber, transaction);
      await alongside?.(transaction, certificate);
    };
  }

  async #again(serialNumber: string): Promise<IssuedCertificate> {
    const issued = await this.issuedBefore(serialNumber);
    if (!issued)
      throw new PkiError('idempotency_key_over', 'what was issued under the Idempotency-Key is revoked or expired');
    return issued;
  }

  /** A revoked CA issues nothing. When its status cannot be known, the store is unavailable, and nothing can be issued anyway. */
  #usableIssuer(): Authority {
    const issuing = issuingOf(this.#authorities.all);
    const parent = this.#authorities.all.find(({ id }) => id === issuing.parent);
    if (parent && this.#registry.statusOf(parent.certificate, issuing.certificate.serialNumber).status === 'revoked')
      throw new PkiError('issuer_revoked', `the issuing CA ${issuing.id} is revoked`);
    return issuing;
  }

  #checkNotOurs({ publicKey }: AcceptedRequest): void {
    if (this.#authorities.all.some(({ certificate }) => sameKey(certificate.publicKey, publicKey)))
      throw new PkiError('public_key_not_allowed', 'this is the key of a CA');
  }

  async #checkNotCompromised({ keyDigest }: AcceptedRequest): Promise<void> {
    const compromised = await compromisedKeys(this.#context.store.database, [keyDigest]);
    if (compromised.size > 0) throw keyCompromised();
  }
}

/** The one that issues end-entity certificates now. Throws PkiError `authority_missing`. */
export function issuingOf(authorities: readonly Authority[]): Authority {
  const issuing = authorities.find(({ role, state }) => role === 'issuing' && state === 'active');
  if (!issuing) throw new PkiError('authority_missing', 'there is no issuing CA yet');
  return issuing;
}

/** The caller's key together with everything that decides what is issued. */
function callOf(
  request: CertificationRequest,
  { idempotencyKey, requester, profile, service, names = [], lifetime }: IssueRequest,
): IdempotentCall | undefined {
  if (idempotencyKey === undefined) return undefined;
  const terms = [profile, service ?? null, names.map(generalNameToString), lifetime ?? null];
  const octets = Buffer.from(request.der).toString('base64');
  const { standing, actor } = requester;
  // A service is the same caller whichever way it comes, such as through a proxy.
  const caller = typeof standing === 'object' ? standing.service : actor;
  return { caller, key: idempotencyKey, request: JSON.stringify([octets, ...terms]) };
}
