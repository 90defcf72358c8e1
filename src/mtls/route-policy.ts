import 'reflect-metadata';
import { AUTHORIZER_KEY } from './allow-services.decorator.js';
import type { Authorizer } from './authorizer.js';
import { PUBLIC_KEY } from './public.decorator.js';

/** What a route asks for: nothing, or an identity that passes `authorizers` (all of them; none means any allowed service). */
export type RoutePolicy =
  { readonly public: true } | { readonly public: false; readonly authorizers: readonly Authorizer[] };

/**
 * The policy of a handler and its controller, from their decorators. `@Public()` on the handler opens it whatever the controller says; on the
 * controller it opens every handler that does not ask for services itself. Rules of handler and controller must both allow.
 */
export function routePolicyOf(handler: object, controller: object): RoutePolicy {
  const onHandler = Reflect.getMetadata(AUTHORIZER_KEY, handler) as Authorizer | undefined;
  if (Reflect.getMetadata(PUBLIC_KEY, handler) === true) {
    if (onHandler) throw new TypeError('a handler is both @Public() and restricted to services');
    return { public: true };
  }
  if (!onHandler && Reflect.getMetadata(PUBLIC_KEY, controller) === true) return { public: true };
  const onController = Reflect.getMetadata(AUTHORIZER_KEY, controller) as Authorizer | undefined;
  return { public: false, authorizers: [onController, onHandler].filter((rule) => rule !== undefined) };
}
