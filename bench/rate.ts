// What counting costs: a request of one of 10 000 services against its rate, in one process, beside the same request where there is no rate.
import { RateLimiter, type RateLimiterOptions } from '../src/mtls/rates/rate-limiter.js';
import type { VerifiedClientIdentity } from '../src/mtls/index.js';
import { reportRounds, say } from './support/report.js';

const SERVICES = 10_000;
const ROUNDS = 10;
const REQUESTS = 200_000;
const rate = { perSecond: 1_000_000, burst: 1_000_000 };
const route = { owner: {}, name: 'Controller.handler', rate: { ...rate } };
const answer = {
  fields: new Map<string, string | number>(),
  header: (name: string, value: string | number) => answer.fields.set(name, value),
};
// Only the name is looked at.
const callers = Array.from({ length: SERVICES }, (_, i) => ({ service: `service-${i}` }) as VerifiedClientIdentity);

const cases: Readonly<
  Record<string, { readonly options: RateLimiterOptions; readonly route?: typeof route; readonly told?: true }>
> = {
  'no rate': { options: {} },
  'a rate': { options: { rateOf: () => rate } },
  'a rate, told in the answer': { options: { rateOf: () => rate }, told: true },
  'a rate and a route, told': { options: { rateOf: () => rate }, route, told: true },
  'a rate, shared, told': { options: { rateOf: () => rate, shared: true }, told: true },
};

say(`rate: ${REQUESTS} requests of ${SERVICES} services in turn, medians of ${ROUNDS} rounds`);
const times: Record<string, number[]> = {};
const limiters = Object.entries(cases).map(([name, each]) => ({
  name,
  ...each,
  limiter: new RateLimiter(each.options),
}));
for (let round = 0; round < ROUNDS; round++)
  for (const { name, limiter, route: limit, told } of limiters) {
    const begin = process.cpuUsage();
    for (let i = 0; i < REQUESTS; i += SERVICES)
      for (const caller of callers) limiter.take(caller, limit, told && answer);
    limiter.takeSpent();
    (times[name] ??= []).push(process.cpuUsage(begin).user / REQUESTS);
  }
reportRounds(
  'rate',
  'one request, CPU time',
  'us',
  times,
  Object.fromEntries(
    Object.keys(cases)
      .slice(1)
      .map((name) => [name, ['no rate']]),
  ),
);

limiters.length = 0;
globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
const many = new RateLimiter({ rateOf: () => rate });
for (const caller of callers) many.take(caller, undefined, undefined);
globalThis.gc?.();
reportRounds(
  'rate',
  `heap for ${SERVICES} services`,
  'KiB',
  { 'a rate': [(process.memoryUsage().heapUsed - before) / 1024] },
  {},
);
