import type { Authority } from '../issuer/authority.js';
import type { Signer } from '../issuer/signer.js';
import type { RevocationRegistry } from '../revocation/revocation-registry.js';
import { openResponder, RENEW_BEFORE, type ResponderMaking } from './responder-certificate.js';
import type { Responder } from './responder.js';

/** After a failure, how long the next attempt waits, in milliseconds: each leaves rows in the record, and anybody may ask. */
const RETRY_AFTER = 10_000;

interface Place {
  readonly authority: Authority;
  responder: Responder | undefined;
  opening: Promise<Responder> | undefined;
  failure: { readonly at: number; readonly error: unknown } | undefined;
}

/** How a responder is that was asked for. */
export interface ResponderStanding {
  readonly issuer: string;
  /** The end of its certificate; undefined while there is none. */
  readonly notAfter: Date | undefined;
  /** It could not be opened or renewed when that was last tried. */
  readonly hasFailed: boolean;
}

/** The responder of each authority: opened when it is first asked for, renewed a week before its certificate ends, replaced when that is revoked. */
export class Responders {
  readonly #making: ResponderMaking;
  readonly #registry: RevocationRegistry;
  readonly #places = new Map<string, Place>();
  readonly #signers = new Map<string, Signer>();

  constructor(making: ResponderMaking, registry: RevocationRegistry) {
    this.#making = making;
    this.#registry = registry;
  }

  /** A responder whose certificate is good now. Throws what key, issuance and store throw, ten seconds long the same error. */
  async of(authority: Authority): Promise<Responder> {
    const place = this.#placeOf(authority);
    const { responder } = place;
    if (!responder || !this.isGood(responder)) return this.#open(place);
    // Ahead of its end and beside the answers; a failure was told, and there is time.
    if (this.#isDue(responder)) this.#open(place).catch(() => undefined);
    return responder;
  }

  /** Those that were asked for. */
  get standing(): readonly ResponderStanding[] {
    return [...this.#places.values()].map(({ authority, responder, failure }) => ({
      issuer: authority.id,
      notAfter: responder?.identity.certificate.notAfter,
      hasFailed: failure !== undefined,
    }));
  }

  /** Whether a responder may sign now, and what it signed be handed out. */
  isGood({ identity: { certificate, issuer } }: Responder): boolean {
    const now = this.#making.context.now();
    return (
      certificate.notBefore <= now &&
      now < certificate.notAfter &&
      this.#registry.statusOf(issuer, certificate.serialNumber).status !== 'revoked'
    );
  }

  #isDue({ identity: { certificate, issuer } }: Responder): boolean {
    // A CA near its own end gives nothing that lasts longer.
    const end = certificate.notAfter.getTime();
    return end < issuer.notAfter.getTime() && end - this.#making.context.now().getTime() < RENEW_BEFORE;
  }

  #placeOf(authority: Authority): Place {
    const known = this.#places.get(authority.id);
    if (known?.authority.issuer === authority.issuer) return known;
    const place = { authority, responder: undefined, opening: undefined, failure: undefined };
    this.#places.set(authority.id, place);
    return place;
  }

  /** Calls at the same time share one opening. */
  async #open(place: Place): Promise<Responder> {
    const { failure } = place;
    const { now } = this.#making.context;
    if (failure && Math.abs(now().getTime() - failure.at) < RETRY_AFTER) throw failure.error;
    place.opening ??= openResponder(this.#making, place.authority, this.#signers)
      .then(
        (responder) => {
          place.failure = undefined;
          place.responder = responder;
          return responder;
        },
        (error: unknown) => {
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
