import type { Certificate } from '../../x509/index.js';
import { reporter } from '../reporter.js';
import { RenewalError } from './renewal-error.js';
import { isUrgent, renewalTime, retryDelay } from './renewal-schedule.js';

/** Calls `work` once after `delay` milliseconds; the returned function cancels it. */
export type Timer = (work: () => Promise<void>, delay: number) => () => void;

/** What a renewal agent did, for the log and for metrics. */
export type RenewalEvent =
  | { readonly kind: 'renewed'; readonly certificate: Certificate; readonly previous: Certificate }
  /** Nothing is to be done where it failed before, or another certificate is there: somebody else saw to it. `certificate` as `current` gave it. */
  | { readonly kind: 'found'; readonly certificate: Certificate | undefined }
  | {
      readonly kind: 'failed';
      /** `error` when it will not mend itself, or when half of the time left for renewal is gone: somebody should look. */
      readonly level: 'warn' | 'error';
      readonly why: string;
      /** How many times in a row, from 1. */
      readonly attempt: number;
      readonly retryAt: Date;
      /** The expiry of the certificate in use; undefined when that cannot be read. */
      readonly notAfter: Date | undefined;
    };

export interface RenewalAgentOptions {
  /** The certificate in use now; undefined while there is none to renew. */
  readonly current: () => Promise<Certificate | undefined> | Certificate | undefined;
  /** Gets the next certificate and puts it to use, or throws. It must not run for ever. */
  readonly renew: () => Promise<Certificate>;
  readonly report: (event: RenewalEvent) => void;
  /** The share of its lifetime after which a certificate is renewed at the latest, from 0 to less than 1. Default two thirds. */
  readonly at?: number;
  readonly clock?: () => Date;
  readonly timer?: Timer;
  /** Gives a number from 0 to 1. */
  readonly random?: () => number;
}

// Clocks are set, machines sleep, and files are replaced by others: so no plan is older than this.
const LONGEST_SLEEP = 3_600_000;
const SHORTEST_SLEEP = 10_000;
// A timer stands still while the machine sleeps, and hears nothing of a clock that is set: so the clock is looked at this often.
const LONGEST_NAP = 60_000;
const DEFAULT_AT = 2 / 3;

/**
 * Keeps a certificate from expiring: renews it at two thirds of its lifetime, less a random part of up to a twelfth, and tries again, less and less
 * often, until that succeeds. A CA may be away for nearly a third of the lifetime without harm. The work itself is done by `current` and `renew`.
 */
export class RenewalAgent {
  readonly #options: Required<RenewalAgentOptions>;
  /** A fault in `report` is no reason to stop renewing. */
  readonly #tell: (event: RenewalEvent) => void;
  /** `later`: when a certificate is renewed that was due as soon as it was there. */
  #plan: { readonly fingerprint: string; readonly time: number; readonly later?: number } | undefined;
  /** The certificate that was read last. */
  #last: Certificate | undefined;
  #nextLook = 0;
  #failures = 0;
  #cancel: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;

  /** Throws RangeError for an `at` that is no such share. */
  constructor(options: RenewalAgentOptions) {
    const { at = DEFAULT_AT, clock = () => new Date(), timer = systemTimer, random = Math.random } = options;
    this.#options = { ...options, at, clock, timer, random };
    if (!(at >= 0 && at < 1)) throw new RangeError(`at is no share of a lifetime, from 0 to less than 1: ${at}`);
    this.#tell = reporter(this.#options.report);
  }

  /** Looks now, and from then on whenever it is time. If a look is under way, that one counts. Settles after the look, and never fails. */
  start(): Promise<void> {
    this.#isStopped = false;
    return this.#looking ?? this.#look();
  }

  /** Ends it; settles once a renewal that is under way is over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel?.();
    await this.#looking;
  }

  /**
   * When the certificate is renewed unless that fails: not before the next look, though it may be due already. Undefined when the last look found
   * none.
   */
  get renewalTime(): Date | undefined {
    return this.#plan && new Date(Math.max(this.#plan.later ?? this.#plan.time, this.#nextLook));
  }

  #look(): Promise<void> {
    this.#cancel?.();
    this.#looking = this.#renewWhenDue().then((delay) => {
      this.#looking = undefined;
      this.#nextLook = this.#options.clock().getTime() + delay;
      if (!this.#isStopped) this.#sleep(delay);
    });
    return this.#looking;
  }

  /** Looks after `delay` milliseconds, or once the clock says that they are over. */
  #sleep(delay: number): void {
    const { clock, timer } = this.#options;
    const nap = Math.min(delay, LONGEST_NAP);
    this.#cancel = timer(async () => {
      const left = Math.min(delay - nap, this.#nextLook - clock().getTime());
      if (left > 0) this.#sleep(left);
      else await this.#look();
    }, nap);
  }

  /** Gives how long to sleep, in milliseconds. */
  async #renewWhenDue(): Promise<number> {
    const { current, renew, clock, at, random } = this.#options;
    let certificate: Certificate | undefined;
    try {
      certificate = await current();
      const isAnother = certificate && this.#last && certificate.fingerprint256 !== this.#last.fingerprint256;
      this.#last = certificate ?? this.#last;
      let now = clock().getTime();
      if (certificate && now >= this.#timeOf(certificate, now)) {
        const next = await renew();
        this.#tell({ kind: 'renewed', certificate: next, previous: certificate });
        this.#last = certificate = next;
        now = clock().getTime();
      } else if (isAnother || this.#failures > 0) this.#tell({ kind: 'found', certificate });
      this.#failures = 0;
      if (!certificate) {
        this.#plan = undefined;
        return LONGEST_SLEEP;
      }
      let time = this.#timeOf(certificate, now);
      // With a clock that is ahead, or when most of a short lifetime is over at the issue, a new certificate is due at once: it is given a share of what is left.
      if (this.#plan && time <= now) {
        time = renewalTime({ notBefore: new Date(now), notAfter: certificate.notAfter }, at, random());
        this.#plan = { ...this.#plan, later: time };
      }
      return Math.min(LONGEST_SLEEP, Math.max(SHORTEST_SLEEP, time - now));
    } catch (error) {
      return this.#failed(error, certificate);
    }
  }

  #timeOf(certificate: Certificate, now: number): number {
    const { at, random } = this.#options;
    const fingerprint = certificate.fingerprint256;
    if (this.#plan?.fingerprint !== fingerprint)
      this.#plan = { fingerprint, time: renewalTime(certificate, at, random()) };
    const { time, later } = this.#plan;
    // The clock that was ahead is set right.
    if (now < time) this.#plan = { fingerprint, time };
    return now < time ? time : (later ?? time);
  }

  #failed(error: unknown, certificate: Certificate | undefined): number {
    const { at, clock, random } = this.#options;
    const attempt = ++this.#failures;
    const { code, retryAfter } = error instanceof RenewalError ? error : {};
    const delay = retryDelay(attempt, { validity: certificate ?? this.#last, retryAfter, random: random() });
    const now = clock();
    this.#tell({
      kind: 'failed',
      level: code === 'refused' || !certificate || isUrgent(certificate, at, now) ? 'error' : 'warn',
      why: error instanceof Error ? error.message : String(error),
      attempt,
      retryAt: new Date(now.getTime() + delay),
      notAfter: certificate?.notAfter,
    });
    return delay;
  }
}

/** The system's timer; it does not keep the process alive. */
export const systemTimer: Timer = (work, delay) => {
  const timer = setTimeout(() => void work(), delay).unref();
  return () => {
    clearTimeout(timer);
  };
};
