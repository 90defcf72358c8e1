import { hash, randomBytes } from 'node:crypto';
import type { AuditLog } from '../../audit/index.js';
import { formatDuration } from '../../configuration/index.js';
import type { EventBus } from '../../events/index.js';
import {
  endEnrollmentTokens,
  findEnrollmentToken,
  insertEnrollmentToken,
  spendEnrollmentToken,
  type EnrollmentTokenRow,
  type Store,
} from '../../store/index.js';
import {
  generalNameFromString,
  generalNameToString,
  sameKey,
  type CertificationRequest,
  type GeneralName,
} from '../../x509/index.js';
import type { CaService } from '../ca.service.js';
import type { IssuedCertificate } from '../issuance/issued-certificate.js';
import { readRequest } from '../issuance/certification-request.js';
import { reportRefusals } from '../issuance/issue-certificate.js';
import { checkForHolders } from '../issuance/holder-terms.js';
import { lifetimeOf, namesOf } from '../issuance/accepted-request.js';
import { checkServiceName } from '../issuance/name-policy.js';
import { checkRequester } from '../issuance/requester-policy.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';

/** What an enrollment token allows. All lengths of time are in seconds. */
export interface EnrollmentTerms {
  readonly service: string;
  /** The name of the profile; `service` when absent. */
  readonly profile?: string | undefined;
  /** Names in addition to the service's own. */
  readonly names?: readonly GeneralName[] | undefined;
  /** How long the token is valid: 1 to 604 800 (one week); 900 when absent. */
  readonly ttl?: number | undefined;
  /** The lifetime of the certificate; the profile's default when absent. */
  readonly lifetime?: number | undefined;
  readonly requester: Requester;
}

/** A new token. It cannot be shown again, because the store keeps only its hash. */
export interface EnrollmentToken {
  readonly token: string;
  readonly expiresAt: Date;
}

const DEFAULT_TTL = 900;
const LONGEST_TTL = 604_800;
const PREFIX = 'veritas_enroll_';
// 256 random bits in base64url.
const TOKEN = /^veritas_enroll_[A-Za-z0-9_-]{43}$/;
const KEPT_MS = 30 * 86_400_000;

/** Another request traded the token while this one was in progress, or the operator ended it. */
class TokenSpent extends Error {
  override readonly name = 'TokenSpent';
}

/** One-time enrollment tokens. The operator creates a token; a service that has no certificate yet trades it for its first one. */
export class EnrollmentService {
  readonly #store: Store;
  readonly #audit: AuditLog;
  readonly #ca: CaService;
  readonly #events: EventBus;
  readonly #now: () => Date;

  constructor(parts: {
    readonly store: Store;
    readonly audit: AuditLog;
    readonly ca: CaService;
    readonly events: EventBus;
    readonly now: () => Date;
  }) {
    this.#store = parts.store;
    this.#audit = parts.audit;
    this.#ca = parts.ca;
    this.#events = parts.events;
    this.#now = parts.now;
  }

  /** Creates a token. Throws PkiError when no certificate could be issued on these terms. */
  async createToken(terms: EnrollmentTerms): Promise<EnrollmentToken> {
    const { service, profile = 'service', names = [], ttl = DEFAULT_TTL, lifetime, requester } = terms;
    checkServiceName(service);
    const proven = this.#ca.profiles.named(profile);
    checkForHolders(proven);
    lifetimeOf(proven, lifetime);
    if (!Number.isSafeInteger(ttl) || ttl < 1 || ttl > LONGEST_TTL)
      throw new PkiError(
        'token_lifetime_not_allowed',
        `a token is good for 1s to ${formatDuration(LONGEST_TTL, 's')}, and ${formatDuration(ttl, 's')} was asked for`,
      );
    const given = namesOf(proven, service, names);
    checkRequester({ service, names: given }, { profile: proven, requester, reserved: this.#ca.reservedNames });
    const canonical = given.map(generalNameToString);
    const now = this.#now();
    const token = PREFIX + randomBytes(32).toString('base64url');
    const row = {
      token_sha256: hashOf(token),
      service,
      profile,
      names: JSON.stringify(canonical),
      lifetime: lifetime ?? null,
      created_at: now.getTime(),
      created_by: requester.actor,
      expires_at: now.getTime() + ttl * 1000,
    };
    const { actor, requestId } = requester;
    const detail = { service, profile, names: canonical.join(' '), expires: new Date(row.expires_at).toISOString() };
    const entry = { action: 'token.create', actor, requestId, subject: idOf(row.token_sha256), detail };
    await this.#store.transaction(async (transaction) => {
      await this.#audit.append({ ...entry, phase: 'intent' }, transaction);
      await insertEnrollmentToken(transaction, row, new Date(now.getTime() - KEPT_MS));
      await this.#audit.append({ ...entry, phase: 'result' }, transaction);
    });
    return { token, expiresAt: new Date(row.expires_at) };
  }

  /** Ends the tokens of a service that were not traded, such as one that was lost. Gives how many they were. Throws what the store throws. */
  async endTokens({ service, requester }: Pick<EnrollmentTerms, 'service' | 'requester'>): Promise<number> {
    const { actor, requestId } = requester;
    const entry = { action: 'token.end', actor, requestId, subject: service };
    return this.#store.transaction(async (transaction) => {
      await this.#audit.append({ ...entry, phase: 'intent', detail: {} }, transaction);
      const tokens = await endEnrollmentTokens(transaction, { service, since: this.#now() });
      await this.#audit.append({ ...entry, phase: 'result', detail: { tokens: String(tokens) } }, transaction);
      return tokens;
    });
  }

  /**
   * Trades a token for a certificate, once. Until the token expires, the same token and a request for the same key return the same certificate again,
   * so that a service whose answer was lost can repeat its request. Throws PkiError `token_not_valid`, the same for every reason, and what {@link
   * CaService.issue} throws.
   */
  async enroll({
    token,
    request,
    requestId,
  }: {
    /** Undefined when the request has none. */
    readonly token: string | undefined;
    /** Supplies the certification request (PEM or DER). Called only after the token was found valid. */
    readonly request: () => Uint8Array | string;
    readonly requestId: string;
  }): Promise<IssuedCertificate> {
    const actor = token === undefined ? 'nobody' : `token:${idOf(hashOf(token))}`;
    const reported = <T>(work: () => Promise<T>): Promise<T> =>
      reportRefusals(this.#events, { actor, requestId }, work);
    const [row, wanted] = await reported(
      async () => [await this.#goodToken(token), await readRequest(request())] as const,
    );
    if (row.serial !== null) return reported(() => this.#traded(row, wanted));
    try {
      // The CA reports what it refuses itself.
      return await this.#trade(row, wanted, { actor, requestId });
    } catch (error) {
      if (!(error instanceof TokenSpent)) throw error;
      // The same service may have sent its request twice: return the certificate that the other request got.
      return reported(async () => this.#traded(await this.#goodToken(token), wanted));
    }
  }

  #trade(row: EnrollmentTokenRow, request: CertificationRequest, requester: Requester): Promise<IssuedCertificate> {
    const { token_sha256: tokenSha256, service, profile, lifetime } = row;
    const names = namesIn(row);
    return this.#ca.issue({
      request,
      profile,
      service,
      names,
      granted: { service, names },
      lifetime: lifetime ?? undefined,
      requester,
      alongside: async (transaction, { serialNumber: serial }) => {
        if (!(await spendEnrollmentToken(transaction, { tokenSha256, serial, now: this.#now() })))
          throw new TokenSpent();
      },
    });
  }

  async #goodToken(token: string | undefined): Promise<EnrollmentTokenRow> {
    if (token === undefined)
      throw new PkiError('token_not_valid', 'the request has no `Authorization: Bearer` with a token');
    if (!TOKEN.test(token)) throw notValid();
    const row = await findEnrollmentToken(this.#store.database, hashOf(token));
    if (!row || row.expires_at < this.#now().getTime()) throw notValid();
    return row;
  }

  async #traded(
    { serial }: Pick<EnrollmentTokenRow, 'serial'>,
    { publicKey }: CertificationRequest,
  ): Promise<IssuedCertificate> {
    const issued = serial === null ? undefined : await this.#ca.issuedBefore(serial);
    if (!issued || !sameKey(issued.certificate.publicKey, publicKey)) throw notValid();
    return issued;
  }
}

const hashOf = (token: string): string => hash('sha256', token);

/** The identifier of a token in the audit record: enough to find the token, useless for trading it. */
const idOf = (tokenSha256: string): string => tokenSha256.slice(0, 16);

const notValid = (): PkiError =>
  new PkiError('token_not_valid', 'the enrollment token is unknown, was traded before, or is over');

function namesIn({ names }: EnrollmentTokenRow): GeneralName[] {
  return (JSON.parse(names) as string[]).map(generalNameFromString).filter((name) => name !== undefined);
}
