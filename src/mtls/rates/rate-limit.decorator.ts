import { metadataDecorator } from '../decorated.js';
import { checkRate, type Rate } from './rate.js';

export const RATE_KEY = Symbol('veritas:RateLimit');

/**
 * Bounds what each service may ask of a route, or of all routes of a controller together, besides its rate as a whole; on a handler it counts in
 * place of its controller's. Refused with `rate_limited`. Throws RangeError for a rate that cannot be kept.
 */
export function RateLimit(rate: Rate): MethodDecorator & ClassDecorator {
  checkRate(rate);
  // A copy: what is given to two decorators has two budgets.
  const own = Object.freeze({ perSecond: rate.perSecond, burst: rate.burst });
  return metadataDecorator<Rate>(RATE_KEY, () => own);
}
