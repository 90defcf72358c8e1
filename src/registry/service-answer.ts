import type { RegisteredService } from './registered-service.js';
import type { ServiceTerms } from './service-terms.js';

/** Who asks, by a certificate that was validated. */
export interface Subject {
  readonly service: string;
  readonly spiffeId: string | undefined;
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal; called only when there are pins. */
  readonly spkiSha256: () => string;
}

/** Whether a service is let in. With `shadow` it is, although terms on trial would refuse it. `reason` is for the caller and reveals nothing about the list. */
export type ServiceAnswer = (
  | { readonly allowed: true; readonly shadow: { readonly reason: string } | undefined }
  | { readonly allowed: false; readonly reason: string }
) & {
  readonly roles: ReadonlySet<string>;
  /** The slowest rate of all entries that have one; the same object as long as the rate is the same. */
  readonly rate?: ServiceTerms['rate'];
};

const NONE: ReadonlySet<string> = new Set();

/**
 * The answer to a subject from the entries for its name and its SPIFFE ID. Without an entry it is refused; of two entries both must let it pass, and it has
 * the roles of both. `time` in milliseconds.
 */
export function answerFrom(entries: readonly RegisteredService[], subject: Subject, time: number): ServiceAnswer {
  const stranger = `service ${subject.service} is not allowed here`;
  if (entries.length === 0) return { allowed: false, reason: stranger, roles: NONE };
  let shadow: { readonly reason: string } | undefined;
  for (const { terms } of entries) {
    const reason = objectionOf(terms, subject, time);
    if (reason === undefined) continue;
    if (terms.state !== 'shadow') return { allowed: false, reason, roles: NONE };
    shadow ??= { reason };
  }
  const [rate = null] = entries
    .flatMap(({ terms }) => terms.rate ?? [])
    .sort((one, other) => one.perSecond - other.perSecond);
  return { allowed: true, shadow, roles: new Set(entries.flatMap(({ terms }) => terms.roles)), rate };
}

/** What the terms have against a subject; undefined when nothing. For a shadow, what the terms on trial would have. */
function objectionOf({ state, tries, validFrom, validUntil, pins }: ServiceTerms, subject: Subject, time: number) {
  const { service } = subject;
  if ((tries ?? state) === 'denied') return `service ${service} is not allowed here`;
  if ((validFrom !== null && time < validFrom) || (validUntil !== null && time >= validUntil))
    return `service ${service} is not allowed here now`;
  if (pins.length > 0 && !pins.includes(subject.spkiSha256()))
    return `service ${service} is not allowed here with this key`;
  return undefined;
}

/** The first moment after `time` at which an entry begins or ends; infinite when none does. */
export function nextTurn(entries: Iterable<RegisteredService>, time: number): number {
  let next = Number.POSITIVE_INFINITY;
  for (const { terms } of entries)
    for (const turn of [terms.validFrom, terms.validUntil])
      if (turn !== null && turn > time && turn < next) next = turn;
  return next;
}
