import type { Certificate } from '../../x509/index.js';

/** The dates of a certificate. */
export type Validity = Pick<Certificate, 'notBefore' | 'notAfter'>;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/**
 * The share of the lifetime, before the latest moment, from which the moment of renewal is drawn: so that certificates that were issued together are
 * not renewed together.
 */
const JITTER = 1 / 12;
const SHORTEST_RETRY = 10_000;
const LONGEST_RETRY = 6 * HOUR;

const lifetimeOf = ({ notBefore, notAfter }: Validity): number => notAfter.getTime() - notBefore.getTime();

/** When to renew, in milliseconds since the epoch: at the share `at` of the lifetime, or up to a twelfth of it earlier, by `random` from 0 to 1. */
export function renewalTime(validity: Validity, at: number, random: number): number {
  return validity.notBefore.getTime() + lifetimeOf(validity) * Math.max(0, at - JITTER * random);
}

/**
 * How long to wait, in milliseconds, after failure number `attempt` (from 1): ten seconds, then twice as long each time, up to a 96th of the lifetime
 * (a quarter of an hour for a day) and at most six hours. `random`, from 0 to 1, takes off up to half of it, so that those who failed together do not
 * return together. `retryAfter`, in seconds, is honoured up to a 24th of the lifetime and six hours, so that nobody is kept away until the certificate has expired.
 */
export function retryDelay(
  attempt: number,
  {
    validity,
    retryAfter = 0,
    random,
  }: { readonly validity: Validity | undefined; readonly retryAfter?: number | undefined; readonly random: number },
): number {
  const lifetime = validity ? lifetimeOf(validity) : 24 * HOUR;
  const longest = Math.min(LONGEST_RETRY, Math.max(SHORTEST_RETRY, lifetime / 96));
  const delay = Math.min(longest, SHORTEST_RETRY * 2 ** Math.min(attempt - 1, 20)) * (1 - random / 2);
  return Math.max(delay, Math.min(retryAfter * 1000 * (1 + random / 4), lifetime / 24, LONGEST_RETRY));
}

/** Whether half of the time between the moment of renewal and the expiry has gone: a failure is an error then, and not a warning. */
export function isUrgent(validity: Validity, at: number, now: Date): boolean {
  return now.getTime() >= validity.notBefore.getTime() + (lifetimeOf(validity) * (1 + at)) / 2;
}
