import type { Certificate } from '../../x509/index.js';
import { RenewalError } from './renewal-error.js';
import { isUrgent, renewalTime, retryDelay } from './renewal-schedule.js';

/** Calls `work` once after `delay` milliseconds; the function returned prevents that. */
export type Timer = (work: () => Promise<void>, delay: number) => () => void;

/** What a renewal agent did, for the log and for metrics. */
export type RenewalEvent =
  | { readonly kind: 'renewed'; readonly certificate: Certificate; readonly previous: Certificate }
  /** Nothing is to be done where it failed before, or another certificate is there: somebody else saw to it. `certificate` as `current` gave it. */
  | { readonly kind: 'found'; readonly certificate: Certificate | undefined }
  | {
      readonly kind: 'failed';
      /** `error` when it will not mend itself, or half of the time that was left is gone: somebody should look. */
      readonly level: 'warn' | 'error';
      readonly why: string;
      /** How many times in a row, from 1. */
      readonly attempt: number;
      readonly retryAt: Date;
      /** Of the certificate in use; undefined when that cannot be read. */
      readonly notAfter: Date | undefined;
    };

export interface RenewalAgentOptions {
  /** The certificate in use now; undefined while there is none that is to be renewed. */
  readonly current: () => Promise<Certificate | undefined> | Certificate | undefined;
  /** Gets the next one and puts it to use, or throws. It must end in time. */
  readonly renew: () => Promise<Certificate>;
  readonly report: (event: RenewalEvent) => void;
  /** The share of the lifetime after which it is renewed at the latest, from 0 to 1. Default two thirds. */
  readonly at?: number;
  readonly clock?: () => Date;
  readonly timer?: Timer;
  /** From 0 to 1. */
  readonly random?: () => number;
}

// Clocks are set, machines sleep, files are replaced by others: no plan is older.
const LONGEST_SLEEP = 3_600_000;
// A certificate that is due again as soon as it is there, by a clock that is wrong, keeps nobody busy.
const SHORTEST_SLEEP = 10_000;
const DEFAULT_AT = 2 / 3;

/**
 * Keeps a certificate from ending: renews it at two thirds of its lifetime, a random twelfth earlier, and tries again, less and less often, until that is done. A CA that is away
 * for less than a third of the lifetime is not missed. What it does is up to `current` and `renew`.
 */
export class RenewalAgent {
  readonly #options: Required<RenewalAgentOptions>;
  #plan: { readonly fingerprint: string; readonly time: number } | undefined;
  /** The certificate that was read last. */
  #last: Certificate | undefined;
  #nextLook = 0;
  #failures = 0;
  #cancel: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: RenewalAgentOptions) {
    const defaults = { at: DEFAULT_AT, clock: () => new Date(), timer: systemTimer, random: Math.random };
    this.#options = { ...defaults, ...options };
  }

  /** Looks now, and from then on whenever it is time; while it looks, that look counts. Settles after the look, and never fails. */
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

  /** When the certificate of the last look is renewed, unless it fails: not before the next look, though it may be due already; undefined when there was none. */
  get renewalTime(): Date | undefined {
    return this.#plan && new Date(Math.max(this.#plan.time, this.#nextLook));
  }

  #look(): Promise<void> {
    this.#cancel?.();
    this.#looking = this.#renewWhenDue().then((delay) => {
      this.#looking = undefined;
      this.#nextLook = this.#options.clock().getTime() + delay;
      if (!this.#isStopped) this.#cancel = this.#options.timer(() => this.#look(), delay);
    });
    return this.#looking;
  }

  /** Gives how long to sleep, in milliseconds. */
  async #renewWhenDue(): Promise<number> {
    const { current, renew, clock } = this.#options;
    let certificate: Certificate | undefined;
    try {
      certificate = await current();
      const isAnother = certificate && this.#last && certificate.fingerprint256 !== this.#last.fingerprint256;
      this.#last = certificate ?? this.#last;
      if (certificate && clock().getTime() >= this.#timeOf(certificate)) {
        const next = await renew();
        this.#tell({ kind: 'renewed', certificate: next, previous: certificate });
        this.#last = certificate = next;
      } else if (isAnother || this.#failures > 0) this.#tell({ kind: 'found', certificate });
      this.#failures = 0;
      if (!certificate) return LONGEST_SLEEP;
      const left = this.#timeOf(certificate) - clock().getTime();
      return Math.min(LONGEST_SLEEP, Math.max(SHORTEST_SLEEP, left));
    } catch (error) {
      return this.#failed(error, certificate);
    }
  }

  #timeOf(certificate: Certificate): number {
    const { at, random } = this.#options;
    const fingerprint = certificate.fingerprint256;
    if (this.#plan?.fingerprint !== fingerprint)
      this.#plan = { fingerprint, time: renewalTime(certificate, at, random()) };
    return this.#plan.time;
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

  /** What is wrong with `report` is no reason to stop renewing. */
  #tell(event: RenewalEvent): void {
    try {
      this.#options.report(event);
    } catch (error) {
      process.emitWarning(`what a renewal agent reports to failed: ${String(error)}`);
    }
  }
}

/** The system's timer; it does not keep the process alive. */
const systemTimer: Timer = (work, delay) => {
  const timer = setTimeout(() => void work(), delay).unref();
  return () => {
    clearTimeout(timer);
  };
};
