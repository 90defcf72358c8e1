import 'reflect-metadata';
import { EXPIRED_KEY } from './allow-expired.decorator.js';
import { ANY_SERVICE_KEY } from './allow-any-service.decorator.js';
import { authorizersOn } from './allow-services.decorator.js';
import type { Authorizer } from './authorizer.js';
import { PUBLIC_KEY } from './public.decorator.js';
import type { Rate } from './rates/rate.js';
import { RATE_KEY } from './rates/rate-limit.decorator.js';
import type { RouteLimit } from './rates/rate-limiter.js';
import { SHADOW_KEY } from './shadow.decorator.js';

/** Who is let in: a service on the allow-list, unless `anyService`, that passes all of `authorizers`. */
export interface Admission {
  readonly anyService: boolean;
  /** With a certificate that expired not long ago as well. */
  readonly allowExpired: boolean;
  readonly authorizers: readonly Authorizer[];
  /** What each service may ask of the route, besides its rate as a whole. */
  readonly limit?: RouteLimit | undefined;
  /** Whether what these say is only tried. */
  readonly shadow: boolean;
}

/** What a route asks for: nothing, or an identity. */
export type RoutePolicy = { readonly public: true } | (Admission & { readonly public: false });

/** What holds where no decorator says anything: any service on the allow-list. */
export const DEFAULT_ADMISSION: Admission = Object.freeze({
  anyService: false,
  allowExpired: false,
  authorizers: [],
  shadow: false,
});

/**
 * The policy of a handler and its controller, from their decorators, by the table in docs/policy.md. `@Public()` on the handler opens it whatever the
 * controller says; on the controller it opens every handler that does not ask for services itself. Rules of handler and controller must all allow.
 * Throws TypeError where decorators contradict each other.
 */
export function routePolicyOf(handler: object, controller: object): RoutePolicy {
  const onHandler = rulesOn(handler);
  const [shadowOnHandler, shadowOnController] = [handler, controller].map(
    (on) => Reflect.getMetadata(SHADOW_KEY, on) === true,
  );
  const onController = rulesOn(controller);
  if (onHandler.isPublic && onHandler.asks)
    throw new TypeError('a handler is both @Public() and restricted to services or roles');
  if (onHandler.isPublic && shadowOnHandler)
    throw new TypeError('a handler is both @Public() and @Shadow(): there is nothing to try');
  if (onHandler.isPublic && Reflect.hasMetadata(RATE_KEY, handler))
    throw new TypeError('a handler is both @Public() and has a @RateLimit(), which counts by service');
  if (onHandler.isPublic) return { public: true };
  if (onController.isPublic && onController.asks)
    throw new TypeError('a controller is both @Public() and restricted to services or roles');
  if (onController.isPublic && !onHandler.asks) return { public: true };
  const anyService = onHandler.anyService || onController.anyService;
  const authorizers = [...onController.authorizers, ...onHandler.authorizers];
  if (anyService && authorizers.length > 0)
    throw new TypeError('a route is both @AllowAnyService() and restricted to services or roles');
  const allowExpired = Reflect.getMetadata(EXPIRED_KEY, handler) === true;
  const shadow = shadowOnHandler === true || shadowOnController === true;
  return { public: false, anyService, allowExpired, authorizers, shadow, limit: limitOf(handler, controller) };
}

/** That of the handler, or else that of the controller. */
function limitOf(handler: object, controller: object): RouteLimit | undefined {
  const own = Reflect.getMetadata(RATE_KEY, handler) as Rate | undefined;
  const rate = own ?? (Reflect.getMetadata(RATE_KEY, controller) as Rate | undefined);
  const names = own ? [controller, handler] : [controller];
  return rate && { rate, name: names.map((each) => (each as { readonly name?: string }).name ?? '').join('.') };
}

function rulesOn(target: object) {
  const anyService = Reflect.getMetadata(ANY_SERVICE_KEY, target) === true;
  const authorizers = authorizersOn(target);
  return {
    // Its own alone: a class is not opened by the one that it extends.
    isPublic: Reflect.getOwnMetadata(PUBLIC_KEY, target) === true,
    anyService,
    authorizers,
    asks: anyService || authorizers.length > 0,
  };
}
