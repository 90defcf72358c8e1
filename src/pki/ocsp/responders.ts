import type { Authority } from '../issuer/authority.js';
import type { Signer } from '../issuer/signer.js';
import { PkiError } from '../pki-error.js';
import type { RevocationRegistry } from '../revocation/revocation-registry.js';
import { openResponder, RENEW_BEFORE, type ResponderMaking } from './responder-certificate.js';
import type { Responder } from './responder.js';

/**
 * How long to wait after a failed attempt to open a responder, in milliseconds. Each attempt writes rows to the audit record, and anyone can cause
 * one.
 */
const RETRY_AFTER = 10_000;

interface Place {
  authority: Authority;
  responder: Responder | undefined;
  opening: Promise<Responder> | undefined;
  failure: { readonly at: number; readonly error: unknown } | undefined;
}

/** The state of a responder. */
export interface ResponderStanding {
  readonly issuer: string;
  /** The notAfter of the responder's certificate; undefined while it has none. */
  readonly notAfter: Date | undefined;
  /** Whether the last attempt to open or renew the responder failed. */
  readonly hasFailed: boolean;
}

/**
 * The responder of each CA. A responder is opened at the first request, renewed a week before its certificate ends, and replaced when its certificate
 * is revoked.
 */
export class Responders {
  readonly #making: ResponderMaking;
  readonly #registry: RevocationRegistry;
  readonly #places = new Map<string, Place>();
  readonly #signers = new Map<string, Signer>();

  constructor(making: ResponderMaking, registry: RevocationRegistry) {
    this.#making = making;
    this.#registry = registry;
  }

  /**
   * A responder whose certificate is valid now. Throws what key, issuance and store throw; after a failure the same error for ten seconds. See
   * {@link isKeyGone}.
   */
  async of(authority: Authority): Promise<Responder> {
    const place = this.#placeOf(authority);
    const { responder } = place;
    if (!responder || !this.isGood(responder)) return this.#open(place, 0);
    // Renewed in the background. A failure was emitted as an event, and the current certificate is valid for days.
    if (this.#isDue(responder, authority)) this.#open(place, RENEW_BEFORE).catch(() => undefined);
    return responder;
  }

  /** The state of the responders that were requested so far. */
  get standing(): readonly ResponderStanding[] {
    return [...this.#places.values()].map(({ authority, responder, failure }) => ({
      issuer: authority.id,
      notAfter: responder?.identity.certificate.notAfter,
      hasFailed: failure !== undefined,
    }));
  }

  /**
   * Whether a responder's certificate is valid and not revoked. Otherwise the responder must not sign, and answers that it signed must not be
   * returned.
   */
  isGood({ identity: { certificate, issuer } }: Responder): boolean {
    const now = this.#making.context.now();
    return (
      certificate.notBefore <= now &&
      now < certificate.notAfter &&
      this.#registry.statusOf(issuer, certificate.serialNumber).status !== 'revoked'
    );
  }

  #isDue({ identity: { certificate } }: Responder, { issuer }: Authority): boolean {
    // A certificate that ends together with its CA, or a CA above it, cannot be replaced by a longer one.
    const end = certificate.notAfter.getTime();
    return end < issuer.identity.notAfter.getTime() && end - this.#making.context.now().getTime() < RENEW_BEFORE;
  }

  #placeOf(authority: Authority): Place {
    const known = this.#places.get(authority.id);
    if (known?.authority.issuer === authority.issuer) {
      // It may have been removed since, and its key destroyed.
      known.authority = authority;
      return known;
    }
    const place = { authority, responder: undefined, opening: undefined, failure: undefined };
    this.#places.set(authority.id, place);
    return place;
  }

  /** Concurrent calls share one opening. */
  async #open(place: Place, least: number): Promise<Responder> {
    const { failure } = place;
    const { now } = this.#making.context;
    if (failure && Math.abs(now().getTime() - failure.at) < RETRY_AFTER) throw failure.error;
    place.opening ??= openResponder(this.#making, place.authority, { signers: this.#signers, least })
      .then(
        (responder) => {
          place.failure = undefined;
          place.responder = responder;
          return responder;
        },
        (error: unknown) => {
          if (isKeyGone(error)) {
            if (place.responder && !this.isGood(place.responder)) place.responder = undefined;
            throw error;
          }
          place.failure = { at: now().getTime(), error };
          this.#making.events.emit('background.failed', { task: 'ocsp.responder', error });
          throw error;
        },
      )
      .finally(() => {
        place.opening = undefined;
      });
    return place.opening;
  }
}

/** Whether a responder could not be opened because its CA was removed and its key destroyed: then nobody misses it. */
export const isKeyGone = (error: unknown): boolean => error instanceof PkiError && error.code === 'key_elsewhere';
