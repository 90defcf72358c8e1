import 'reflect-metadata';
import { EXPIRED_KEY } from './allow-expired.decorator.js';
import { ANY_SERVICE_KEY } from './allow-any-service.decorator.js';
import { AUTHORIZER_KEY } from './allow-services.decorator.js';
import type { Authorizer } from './authorizer.js';
import { PUBLIC_KEY } from './public.decorator.js';
import { SHADOW_KEY } from './shadow.decorator.js';

/** Who is let in: a service on the allow-list, unless `anyService`, that passes all of `authorizers`. */
export interface Admission {
  readonly anyService: boolean;
  /** With a certificate that expired not long ago as well. */
  readonly allowExpired: boolean;
  readonly authorizers: readonly Authorizer[];
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
 * The policy of a handler and its controller, from their decorators. `@Public()` on the handler opens it whatever the controller says; on the
 * controller it opens every handler that does not ask for services itself. Rules of handler and controller must both allow.
 */
export function routePolicyOf(handler: object, controller: object): RoutePolicy {
  const onHandler = rulesOn(handler);
  const asks = onHandler.anyService || onHandler.authorizer !== undefined;
  const [shadowOnHandler, shadowOnController] = [handler, controller].map(
    (on) => Reflect.getMetadata(SHADOW_KEY, on) === true,
  );
  if (Reflect.getMetadata(PUBLIC_KEY, handler) === true) {
    if (shadowOnHandler) throw new TypeError('a handler is both @Public() and @Shadow(): there is nothing to try');
    if (asks) throw new TypeError('a handler is both @Public() and restricted to services');
    return { public: true };
  }
  if (!asks && Reflect.getMetadata(PUBLIC_KEY, controller) === true) return { public: true };
  const onController = rulesOn(controller);
  const anyService = onHandler.anyService || onController.anyService;
  const authorizers = [onController.authorizer, onHandler.authorizer].filter((rule) => rule !== undefined);
  if (anyService && authorizers.length > 0)
    throw new TypeError('a route is both @AllowAnyService() and restricted to services or roles');
  const allowExpired = Reflect.getMetadata(EXPIRED_KEY, handler) === true;
  const shadow = shadowOnHandler === true || shadowOnController === true;
  return { public: false, anyService, allowExpired, authorizers, shadow };
}

function rulesOn(target: object): { readonly anyService: boolean; readonly authorizer: Authorizer | undefined } {
  return {
    anyService: Reflect.getMetadata(ANY_SERVICE_KEY, target) === true,
    authorizer: Reflect.getMetadata(AUTHORIZER_KEY, target) as Authorizer | undefined,
  };
}
