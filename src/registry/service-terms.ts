import { RegistryError } from './registry-error.js';

/** What a service may. Times in milliseconds since 1970. */
export interface ServiceTerms {
  /**
   * `allowed`: on the list; `denied`: not, whatever a pattern or the configuration says; `shadow`: it passes, and what the terms under trial would refuse is
   * reported.
   */
  readonly state: 'allowed' | 'denied' | 'shadow';
  /** Of a shadow: what is tried. `denied` would refuse every call, `allowed` those against the terms below. Null otherwise. */
  readonly tries: 'allowed' | 'denied' | null;
  readonly roles: readonly string[];
  /** From when on; null: from the beginning. */
  readonly validFrom: number | null;
  /** The first moment at which it is over; null: never. */
  readonly validUntil: number | null;
  /** SHA-256 of the SubjectPublicKeyInfo of each key that it may have, lower-case hexadecimal: none, or two and more. Empty: any key. */
  readonly pins: readonly string[];
  /** How many requests a second, and how many at once. */
  readonly rate: { readonly perSecond: number; readonly burst: number } | null;
  /** For people. */
  readonly note: string | null;
}

/** What a name on the configured list may, with its roles. */
export const allowedWith = (roles: readonly string[]): ServiceTerms => ({
  state: 'allowed',
  tries: null,
  roles,
  validFrom: null,
  validUntil: null,
  pins: [],
  rate: null,
  note: null,
});

const MOST_PINS = 8;
const MOST_REQUESTS = 1_000_000;
const MOST_NOTE = 500;
// Later ones have years that no RFC 3339 time can hold.
const LAST_DATE = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const DAY_S = 86_400;

/**
 * Proves terms, and gives them in the one form in which equal ones are equal. `knownRoles`: those that there are. Throws RegistryError
 * `registry_terms_malformed`.
 */
export function checkTerms(terms: ServiceTerms, knownRoles: readonly string[]): ServiceTerms {
  const { state, tries, validFrom, validUntil, rate, note } = terms;
  if ((state === 'shadow') !== (tries !== null)) refuse('`tries` goes with the state `shadow`, and with no other');
  const roles = [...new Set(terms.roles)].sort();
  const unknown = roles.find((role) => !knownRoles.includes(role));
  if (unknown !== undefined)
    refuse(`there is no role ${JSON.stringify(unknown.slice(0, 64))}, only ${knownRoles.join(', ')}`);
  const pins = [...new Set(terms.pins)].sort();
  if (pins.some((pin) => !/^[0-9a-f]{64}$/.test(pin))) refuse('a pin is the SHA-256 of a public key in hexadecimal');
  // A pin alone locks the service out with its key (RFC 7469 §4.3 has the same rule).
  if (pins.length === 1) refuse('a pin needs another one beside it, of the key that comes next');
  if (pins.length > MOST_PINS) refuse(`there are at most ${MOST_PINS} pins`);
  for (const time of [validFrom, validUntil])
    if (time !== null && !(Number.isSafeInteger(time) && time >= 0 && time <= LAST_DATE))
      refuse('a time lies in the years from 1970 to 9999');
  if (validFrom !== null && validUntil !== null && validFrom >= validUntil) refuse('it ends before it begins');
  if (
    rate &&
    ![rate.perSecond, rate.burst].every((count) => Number.isInteger(count) && count > 0 && count <= MOST_REQUESTS)
  )
    refuse(`a rate is a whole number from 1 to ${MOST_REQUESTS}, and so is a burst`);
  if (rate && rate.burst / rate.perSecond > DAY_S)
    refuse(`a burst must come back within a day: it is at most ${DAY_S} times the rate`);
  // Half a surrogate pair would come back from the store as something else.
  if (note !== null && (note.length > MOST_NOTE || /[\p{Cc}\p{Cs}]/u.test(note)))
    refuse(`a note has at most ${MOST_NOTE} characters, and no control characters`);
  return {
    state,
    tries,
    roles,
    validFrom,
    validUntil,
    pins,
    rate: rate && { perSecond: rate.perSecond, burst: rate.burst },
    note: note === '' ? null : note,
  };
}

function refuse(message: string): never {
  throw new RegistryError('registry_terms_malformed', message);
}
