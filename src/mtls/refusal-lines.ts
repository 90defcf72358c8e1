import { addressGroup } from './address-group.js';
import type { MtlsRefusal, RefusalCode } from './mtls.errors.js';
import { Budget } from './rates/budget.js';
import { Budgets } from './rates/budgets.js';
import type { Rate } from './rates/rate.js';

/** The refusals that have a line of their own: those of one source, and those of all sources without a certificate of a trusted CA. */
const OF_A_SOURCE: Rate = { perSecond: 5, burst: 1_000 };
const OF_STRANGERS: Rate = { perSecond: 20, burst: 5_000 };
const SUM_INTERVAL_MS = 10_000;
/** How many sources have a sum of their own. Only strangers can make up more. */
const MOST_SUMS = 100;
/** No path to a trusted CA was seen, so that anybody can make up such a certificate. */
const OF_ANYBODY: ReadonlySet<RefusalCode> = new Set([
  'client_certificate_required',
  'client_certificate_malformed',
  'untrusted_issuer',
]);

/** Who was refused: whose certificate leads to a trusted CA, or whoever is at an address. */
type Source = { readonly service: unknown; readonly fingerprint256: string } | { readonly address: string };

interface Sum {
  readonly source: Source | undefined;
  readonly by: Partial<Record<RefusalCode, number>>;
}

/** What the lines are about, and what the event of a sum is called. */
const SUMS = { refused: 'refusals_not_logged', shadowed: 'shadowed_not_logged' } as const;

/**
 * Bounds the lines about refusals, of which anybody can cause any number, or about what would have been refused. What has no line is summed up: by source and
 * code, every ten seconds. `clock` in milliseconds, never going back.
 */
export class RefusalLines {
  readonly #budgets = new Budgets('');
  readonly #strangers = new Budget();
  #sums = new Map<string, Sum>();
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly about: keyof typeof SUMS,
    private readonly say: (line: object) => void,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** Whether the refusal of a peer at `address` has a line of its own; otherwise it is counted for the sum. */
  take(refusal: MtlsRefusal, address: string | undefined): boolean {
    const now = this.clock();
    const source = sourceOf(refusal, address);
    const name = 'address' in source ? source.address : source.fingerprint256;
    const own = this.#budgets.of(name, now);
    own.follow(OF_A_SOURCE, now);
    this.#strangers.follow(OF_STRANGERS, now);
    const budgets = 'address' in source ? [own, this.#strangers] : [own];
    if (budgets.every((budget) => budget.wait(now) === 0)) {
      for (const budget of budgets) budget.take(now);
      return true;
    }
    const isOneOfTooMany = 'address' in source && this.#sums.size >= MOST_SUMS && !this.#sums.has(name);
    this.#count(refusal.code, isOneOfTooMany ? '' : name, isOneOfTooMany ? undefined : source);
    return false;
  }

  /** Says what was not logged since the last sum. */
  sumUp(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const seconds = Math.ceil((this.clock() - this.#since) / 1000);
    const sums = this.#sums;
    this.#sums = new Map();
    for (const { source, by } of sums.values()) {
      const count = Object.values(by).reduce((sum, each) => sum + each, 0);
      this.say({ event: SUMS[this.about], [this.about]: count, by, ...source, seconds });
    }
  }

  #count(code: RefusalCode, name: string, source: Source | undefined): void {
    if (!this.#timer) {
      this.#since = this.clock();
      this.#timer = setTimeout(() => {
        this.sumUp();
      }, SUM_INTERVAL_MS).unref();
    }
    let sum = this.#sums.get(name);
    if (!sum) this.#sums.set(name, (sum = { source, by: {} }));
    sum.by[code] = (sum.by[code] ?? 0) + 1;
  }
}

function sourceOf({ code, evidence }: MtlsRefusal, address: string | undefined): Source {
  const { sender, service = sender, fingerprint256 } = evidence;
  // Whoever sends a header for proxies alone was identified before.
  const isStranger = sender === undefined && OF_ANYBODY.has(code);
  return isStranger || typeof fingerprint256 !== 'string'
    ? { address: addressGroup(address) }
    : { service, fingerprint256 };
}
