import type { VerifiedClientIdentity } from '../client-identity.js';
import { MtlsRefusal } from '../mtls.errors.js';
import type { Budget } from './budget.js';
import { Budgets } from './budgets.js';
import type { Rate } from './rate.js';

/**
 * Port: the rate of a service as a whole, now; undefined when it has none. Asked on each request. It must give the same object as long as the rate is
 * the same.
 */
export type RateOf = (identity: VerifiedClientIdentity) => Rate | undefined;

/**
 * The limit of a route. `rate` is one object for all routes that share a budget, which are all of the class `owner`; `name` is the same on every
 * node.
 */
export interface RouteLimit {
  readonly owner: object;
  readonly name: string;
  readonly rate: Rate;
}

/** What a service spent on another node: the limit, its name, and milliseconds of budget. */
export type Spent = readonly [limit: string, service: string, milliseconds: number];

/** What a {@link RateLimiter} counts by. */
export interface RateLimiterOptions {
  readonly rateOf?: RateOf | undefined;
  readonly shared?: boolean;
  readonly clock?: () => number;
}

/** The part of an answer that carries fields about budgets. */
export interface AnswerFields {
  header(name: string, value: string | number): unknown;
}

/**
 * A request over a rate; another one is allowed in `retryAfter` seconds. `isRepeated` when another refusal by the same budget was logged less than a
 * second ago.
 */
export class RateLimited extends MtlsRefusal {
  constructor(
    message: string,
    evidence: Readonly<Record<string, unknown>>,
    readonly retryAfter: number,
    readonly isRepeated: boolean,
  ) {
    super('rate_limited', message, evidence);
  }
}

const LOG_INTERVAL_MS = 1_000;
const WHOLE = 'service';
const ROUTE = 'route';
/** The most that another node is believed to have spent at once. */
const MOST_SPENT_MS = 86_400_000;

/**
 * Counts the requests of services against their rates: those of each service as a whole, and those of each service on a route that has a limit. To be
 * asked when a request has been allowed otherwise, so that nobody spends another's budget.
 */
export class RateLimiter {
  readonly #whole = new Budgets('');
  /** By the rate of the limit; several where several controllers extend the class that carries it. */
  readonly #routes = new Map<Rate, { readonly owner: object; readonly budgets: Budgets }[]>();
  #unsaid: { readonly limit: string; readonly service: string; readonly budget: Budget }[] | undefined;
  readonly #rateOf: RateOf | undefined;
  readonly #clock: () => number;

  /** `shared` when somebody calls {@link takeSpent} regularly. `clock` in milliseconds, never going back. */
  constructor({ rateOf, shared = false, clock = () => performance.now() }: RateLimiterOptions = {}) {
    this.#rateOf = rateOf;
    this.#clock = clock;
    if (shared) this.#unsaid = [];
  }

  /**
   * Takes a request out of the budgets that apply, and says in `answer` what is left (draft-ietf-httpapi-ratelimit-headers-11). Throws {@link
   * RateLimited} when one of them is empty; then nothing is taken from either.
   */
  take(identity: VerifiedClientIdentity, route: RouteLimit | undefined, answer: AnswerFields | undefined): void {
    const rate = this.#rateOf?.(identity);
    if (rate === undefined && route === undefined) return;
    const { service } = identity;
    const now = this.#clock();
    const whole = rate && this.#budget(this.#whole, service, rate, now);
    const ofRoute = route && this.#budget(this.#budgetsOf(route), service, route.rate, now);
    const wait = Math.max(whole?.wait(now) ?? 0, ofRoute?.wait(now) ?? 0);
    if (!(wait <= 0)) throw this.#refuse(identity, { rate, whole, route, ofRoute }, wait, now, answer);
    if (whole?.take(now)) this.#unsaid?.push({ limit: '', service, budget: whole });
    if (route && ofRoute?.take(now)) this.#unsaid?.push({ limit: route.name, service, budget: ofRoute });
    if (answer) tell(answer, { rate, whole, route, ofRoute }, now);
  }

  /** As {@link take}, for one request under the limits of several routes. */
  takeUnderAll(identity: VerifiedClientIdentity, routes: readonly RouteLimit[]): void {
    const { service } = identity;
    const now = this.#clock();
    // A limit that two handlers share counts once.
    const limits = Array.from(new Map(routes.map((route) => [this.#budgetsOf(route), route])), ([budgets, route]) => {
      const budget = this.#budget(budgets, service, route.rate, now);
      return { route, budget, wait: budget.wait(now) };
    });
    // When the budget that is the last to have room has some, all the others do.
    const [last, ...others] = limits.sort((one, other) => other.wait - one.wait);
    this.take(identity, last?.route, undefined);
    for (const { route, budget } of others)
      if (budget.take(now)) this.#unsaid?.push({ limit: route.name, service, budget });
  }

  /** What was spent here since the last call. */
  takeSpent(): Spent[] {
    const unsaid = this.#unsaid ?? [];
    if (unsaid.length > 0) this.#unsaid = [];
    return unsaid.map(({ limit, service, budget }) => [limit, service, budget.takeSpent()]);
  }

  /** Takes what was spent elsewhere out of the budgets. A limit under which no route here has had a request is not kept. */
  debit(spent: readonly Spent[]): void {
    const now = this.#clock();
    for (const [limit, service, milliseconds] of spent) {
      if (!(milliseconds > 0 && milliseconds <= MOST_SPENT_MS)) continue;
      const concerned =
        limit === ''
          ? [this.#whole]
          : [...this.#routes.values()].flat().flatMap(({ budgets }) => (budgets.name === limit ? budgets : []));
      for (const budgets of concerned) budgets.of(service, now).debit(milliseconds, now);
    }
  }

  #budgetsOf({ owner, name, rate }: RouteLimit): Budgets {
    let limited = this.#routes.get(rate);
    if (!limited) this.#routes.set(rate, (limited = []));
    let limit = limited.find((each) => each.owner === owner && each.budgets.name === name);
    if (!limit) limited.push((limit = { owner, budgets: new Budgets(name) }));
    return limit.budgets;
  }

  #budget(budgets: Budgets, service: string, rate: Rate, now: number): Budget {
    const budget = budgets.of(service, now);
    budget.follow(rate, now);
    return budget;
  }

  #refuse(
    { service, fingerprint256 }: VerifiedClientIdentity,
    limits: Limits,
    wait: number,
    now: number,
    answer: AnswerFields | undefined,
  ): RateLimited {
    const { whole, ofRoute, rate, route } = limits;
    const isWhole = whole !== undefined && !(whole.wait(now) < wait);
    const [budget, over] = isWhole ? [whole, rate] : [ofRoute, route?.rate];
    const seconds = Number.isFinite(wait) ? Math.ceil(wait / 1000) : 1;
    if (answer) {
      tell(answer, limits, now, seconds);
      answer.header('retry-after', seconds);
    }
    const isRepeated = budget !== undefined && now - budget.loggedAt < LOG_INTERVAL_MS;
    const passedOver = budget?.passedOver ?? 0;
    if (budget) {
      budget.passedOver = isRepeated ? passedOver + 1 : 0;
      if (!isRepeated) budget.loggedAt = now;
    }
    return new RateLimited(
      isWhole ? 'the service is over its rate' : 'the service is over its rate on this route',
      { service, fingerprint256, ...over, limit: isWhole ? WHOLE : route?.name, passedOver },
      seconds,
      isRepeated,
    );
  }
}

interface Limits {
  readonly rate: Rate | undefined;
  readonly whole: Budget | undefined;
  readonly route: RouteLimit | undefined;
  readonly ofRoute: Budget | undefined;
}

/** `seconds` belongs to a refused request: how long nothing more is allowed. */
function tell(answer: AnswerFields, { rate, whole, route, ofRoute }: Limits, now: number, seconds?: number): void {
  let policy = '';
  let state = '';
  if (rate && whole) {
    policy = quotaOf(rate).service;
    state = whole.state(WHOLE, now, seconds);
  }
  if (route && ofRoute) {
    policy += `${policy && ', '}${quotaOf(route.rate).route}`;
    state += `${state && ', '}${ofRoute.state(ROUTE, now, seconds)}`;
  }
  answer.header('ratelimit-policy', policy);
  answer.header('ratelimit', state);
}

type Quota = Readonly<Record<typeof WHOLE | typeof ROUTE, string>>;

const quotas = new WeakMap<Rate, Quota>();

/** §3: the quota of a rate, for a window of whole seconds in which a burst comes back. */
function quotaOf(rate: Rate): Quota {
  let quota = quotas.get(rate);
  if (quota === undefined) {
    const window = Math.max(1, Math.ceil(rate.burst / rate.perSecond));
    const terms = `q=${Math.max(1, Math.floor(window * rate.perSecond + 1e-6))};w=${window}`;
    quotas.set(rate, (quota = { [WHOLE]: `"${WHOLE}";${terms}`, [ROUTE]: `"${ROUTE}";${terms}` }));
  }
  return quota;
}
