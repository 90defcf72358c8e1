import { metadataDecorator } from '../decorated.js';
import { checkRate, type Rate } from './rate.js';

export const RATE_KEY = Symbol('veritas:RateLimit');

/**
 * Limits how much each service may ask of a route, or of all routes of a controller together, besides its rate as a whole. On a handler it replaces
 * the limit of its controller. Requests over it are refused with `rate_limited`. Throws RangeError for a rate that cannot be kept.
 */
export function RateLimit(rate: Rate): MethodDecorator & ClassDecorator {
  checkRate(rate);
  // A copy, so that two decorators that are given the same object have two budgets.
  const own = Object.freeze({ perSecond: rate.perSecond, burst: rate.burst });
  return metadataDecorator<Rate>(RATE_KEY, () => own);
}
