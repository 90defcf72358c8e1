import { hash } from 'node:crypto';
import {
  decodeOcspRequest,
  DecodeError,
  encodeExtensionOf,
  encodeOcspError,
  encodeOcspRequest,
  type CertId,
  type OcspRequest,
  type SingleResponseFields,
} from '../../x509/index.js';
import type { CurrentAuthorities } from '../issuer/authorities.js';
import type { Authority } from '../issuer/authority.js';
import { PkiError } from '../pki-error.js';
import type { RevocationRegistry } from '../revocation/revocation-registry.js';
import { AuthorityIndex } from './authority-index.js';
import { BoundedMap } from './bounded-map.js';
import { CertificateStatuses, type KnownStatus } from './certificate-status.js';
import { OcspToken } from './ocsp-token.js';
import type { ResponderMaking } from './responder-certificate.js';
import type { Responder } from './responder.js';
import { isKeyGone, Responders, type ResponderStanding } from './responders.js';

/** An OCSPResponse in DER. */
export interface OcspAnswer {
  readonly der: Uint8Array;
  /**
   * How long caches may keep the answer. Undefined when they may not: it is an error, is about an unknown certificate or several certificates, or has
   * a nonce.
   */
  readonly caching: { readonly thisUpdate: Date; readonly nextUpdate: Date; readonly etag: string } | undefined;
}

/** The number of answers kept in memory, about a kilobyte each. */
const MOST_KEPT = 20_000;
/** The number of answers that may wait for a signature at the same time. Further requests get `tryLater`. */
const MOST_WAITING = 1_000;
/** For this many milliseconds a kept answer is returned without checking it again. An unreadable store is noticed that much later. */
const CHECKED_FOR = 1_000;
const TELL_EVERY = 10_000;
const DEFAULT_LIFETIME = 3600;

const refusal = (status: Parameters<typeof encodeOcspError>[0]): OcspAnswer =>
  Object.freeze({ der: encodeOcspError(status), caching: undefined });
const MALFORMED = refusal('malformedRequest');
const UNAUTHORIZED = refusal('unauthorized');
const TRY_LATER = refusal('tryLater');
const INTERNAL_ERROR = refusal('internalError');

/** A kept answer, and everything it depends on. Times are in milliseconds since 1970. */
interface Kept {
  readonly answer: OcspAnswer;
  readonly authorities: CurrentAuthorities['all'];
  readonly authority: Authority;
  readonly serialNumber: string;
  readonly responder: Responder;
  readonly registered: KnownStatus['registered'];
  readonly from: number;
  readonly until: number;
  /** The registry's epoch at the last check; the answer need not be checked again while the epoch is the same, from `checkedAt` until `checkAgain`. */
  epoch: number;
  checkedAt: number;
  checkAgain: number;
}

/**
 * Answers OCSP requests (RFC 6960) about certificates of our CAs. An answer about one certificate without a nonce is signed once, and kept until the
 * status changes or its nextUpdate is near. An answer with a nonce is signed for its request alone. Signing does not block the event loop.
 */
export class OcspService {
  readonly #authorities: CurrentAuthorities;
  readonly #index: AuthorityIndex;
  readonly #statuses: CertificateStatuses;
  readonly #responders: Responders;
  readonly #registry: RevocationRegistry;
  readonly #making: ResponderMaking;
  readonly #lifetime: number;
  readonly #overlap: number;
  readonly #kept = new BoundedMap<string, Kept>(MOST_KEPT);
  readonly #signing = new Map<string, Promise<OcspAnswer>>();
  #waiting = 0;
  #lastSigned: Date | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(
    parts: ResponderMaking & { readonly authorities: CurrentAuthorities; readonly registry: RevocationRegistry },
  ) {
    const { authorities, registry, ...making } = parts;
    const { ocspLifetime = DEFAULT_LIFETIME, ocspOverlap = ocspLifetime / 4 } = making.settings;
    this.#authorities = authorities;
    this.#index = new AuthorityIndex(authorities);
    this.#statuses = new CertificateStatuses(making.context.store, registry);
    this.#responders = new Responders(making, registry);
    this.#registry = registry;
    this.#making = making;
    this.#lifetime = ocspLifetime * 1000;
    this.#overlap = ocspOverlap * 1000;
  }

  /**
   * Opens the responder of each CA ahead of the first request. Never throws: a failure is emitted as an event, and opening is tried again at the next
   * request.
   */
  async open(): Promise<void> {
    for (const authority of this.#index.answering(this.#making.context.now()))
      await this.#responders.of(authority).catch(() => undefined);
  }

  /** Makes the key and the certificate of each responder that has none. Throws what key, issuance and store throw. */
  async prepare(): Promise<void> {
    for (const authority of this.#index.answering(this.#making.context.now()))
      await this.#responders.of(authority).catch((error: unknown) => {
        if (!isKeyGone(error)) throw error;
      });
  }

  /** The responders that have been opened or tried, and when the last answer was signed. */
  get standing(): { readonly responders: readonly ResponderStanding[]; readonly lastSigned: Date | undefined } {
    return { responders: this.#responders.standing, lastSigned: this.#lastSigned };
  }

  /** Answers an encoded request, synchronously when the answer is kept. Does not reject: errors become OCSP error responses and events. */
  answer(octets: Uint8Array): OcspAnswer | Promise<OcspAnswer> {
    // Kept answers are looked up by the octets of the request, so the request need not be decoded.
    return this.#keptFor(keyOf(octets)) ?? this.#answer(octets);
  }

  #keptFor(key: string): OcspAnswer | undefined {
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    const now = this.#making.context.now().getTime();
    const { epoch } = this.#registry;
    const isCurrent =
      kept.authorities === this.#authorities.all &&
      ((kept.epoch === epoch && kept.checkedAt <= now && now < kept.checkAgain) || this.#isCurrent(kept, now, epoch));
    if (isCurrent) return kept.answer;
    this.#kept.delete(key);
    return undefined;
  }

  /** Checks everything that a kept answer depends on. The result holds for one second, or until a revocation changes the epoch. */
  #isCurrent(kept: Kept, now: number, epoch: number): boolean {
    const { authority, serialNumber, registered, responder, from, until } = kept;
    if (now < from || now >= until) return false;
    if (!this.#statuses.isStill(authority, serialNumber, registered) || !this.#responders.isGood(responder))
      return false;
    kept.epoch = epoch;
    kept.checkedAt = now;
    kept.checkAgain = Math.min(now + CHECKED_FOR, until);
    return true;
  }

  async #answer(octets: Uint8Array): Promise<OcspAnswer> {
    let request: OcspRequest;
    try {
      request = decodeOcspRequest(octets);
    } catch (error) {
      if (error instanceof DecodeError) return MALFORMED;
      throw error;
    }
    const { certIds, nonce } = request;
    const authority = this.#index.find(certIds, this.#making.context.now());
    const [first] = certIds;
    if (!authority || !first) return UNAUTHORIZED;
    if (nonce || certIds.length > 1)
      return this.#bounded(async () => ({ der: (await this.#sign(authority, request)).der, caching: undefined }));
    // The key is the canonical encoding, so that differently encoded requests share one answer.
    const key = keyOf(encodeOcspRequest(certIds));
    return this.#keptFor(key) ?? this.#signAndKeep(key, authority, first);
  }

  /**
   * Concurrent requests share one signature. A request after a revocation does not share a signature that was begun before it, because the epoch is
   * part of the key.
   */
  #signAndKeep(key: string, authority: Authority, certId: CertId): Promise<OcspAnswer> {
    const shared = `${this.#registry.epoch} ${key}`;
    const before = this.#signing.get(shared);
    if (before) return before;
    const signing = this.#bounded(async () => {
      const authorities = this.#authorities.all;
      const signed = await this.#sign(authority, { certIds: [certId], nonce: undefined });
      const { responder, thisUpdate, nextUpdate, der } = signed;
      const [known] = signed.statuses;
      // `unknown` is not kept: a certificate that is not issued yet may be issued at any time.
      if (!known || known.certStatus.status === 'unknown') return { der, caching: undefined };
      const etag = `"${hash('sha256', der, 'base64url')}"`;
      const answer: OcspAnswer = { der, caching: { thisUpdate, nextUpdate, etag } };
      this.#kept.set(key, {
        answer,
        authorities,
        authority,
        serialNumber: certId.serialNumber,
        responder,
        registered: known.registered,
        from: thisUpdate.getTime(),
        until: nextUpdate.getTime() - this.#overlap,
        epoch: Number.NaN,
        checkedAt: 0,
        checkAgain: 0,
      });
      return answer;
    }).finally(() => this.#signing.delete(shared));
    this.#signing.set(shared, signing);
    return signing;
  }

  async #bounded(work: () => Promise<OcspAnswer>): Promise<OcspAnswer> {
    if (this.#waiting >= MOST_WAITING) return TRY_LATER;
    this.#waiting++;
    try {
      return await work();
    } catch (error) {
      if (isKeyGone(error)) return UNAUTHORIZED;
      this.#tell(error);
      return error instanceof PkiError && error.code === 'status_unavailable' ? TRY_LATER : INTERNAL_ERROR;
    } finally {
      this.#waiting--;
    }
  }

  /** Emits a failure as an event, at most once in ten seconds: anyone can send any number of requests. */
  #tell(error: unknown): void {
    const now = performance.now();
    if (now - this.#toldAt < TELL_EVERY) return;
    this.#toldAt = now;
    this.#making.events.emit('background.failed', { task: 'ocsp.answer', error });
  }

  async #sign(authority: Authority, request: Pick<OcspRequest, 'certIds' | 'nonce'>) {
    const responder = await this.#responders.of(authority);
    const statuses = await Promise.all(
      request.certIds.map(({ serialNumber }) => this.#statuses.of(authority, serialNumber)),
    );
    const now = this.#making.context.now().getTime();
    const thisUpdate = new Date(Math.floor(now / 1000) * 1000);
    const end = responder.identity.certificate.notAfter.getTime();
    const nextUpdate = new Date(Math.min(thisUpdate.getTime() + this.#lifetime, end));
    const responses = request.certIds.map((certId, index): SingleResponseFields => {
      const { certStatus, notAfter } = statuses[index] ?? NOT_ISSUED;
      // RFC 6960 §4.4.4, archive cutoff: the store keeps every certificate, so statuses reach back to the start of the CA.
      const isOver = notAfter !== undefined && notAfter < now;
      const extensions = isOver ? [encodeExtensionOf.ocspArchiveCutoff(authority.certificate.notBefore)] : [];
      return { certId, certStatus, thisUpdate, nextUpdate, extensions };
    });
    const token = new OcspToken(responder.identity, { request, producedAt: thisUpdate, responses });
    const der = await responder.respond(token);
    this.#lastSigned = thisUpdate;
    return { der, responder, statuses, thisUpdate, nextUpdate };
  }
}

const NOT_ISSUED = { certStatus: { status: 'unknown' }, notAfter: undefined } as const;

const keyOf = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1');
