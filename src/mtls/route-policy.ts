import 'reflect-metadata';
import { AllowExpired } from './allow-expired.decorator.js';
import { AllowAnyService } from './allow-any-service.decorator.js';
import { authorizersOn, authorizersOnMethod } from './allow-services.decorator.js';
import type { Authorizer } from './authorizer.js';
import { metadataOfMethod } from './decorated.js';
import type { HandlerClass } from './handler-methods.js';
import { Public } from './public.decorator.js';
import type { Rate } from './rates/rate.js';
import { RATE_KEY } from './rates/rate-limit.decorator.js';
import type { RouteLimit } from './rates/rate-limiter.js';
import { Shadow } from './shadow.decorator.js';

// The metadata keys of Nest's `@Controller({ host, path, version })`, of `@WebSocketGateway({ path })`, and of `@Sse()`.
const NEST_PLACES = ['host', 'path', '__version__'];
export const GATEWAY_OPTIONS = 'websockets:gateway_options';
const NEST_SSE = '__sse__';

/** Who is let in: a service on the allow-list (any service, with `anyService`) that passes all of `authorizers`. */
export interface Admission {
  readonly anyService: boolean;
  /** Whether a certificate that expired a short time ago is good as well. */
  readonly allowExpired: boolean;
  readonly authorizers: readonly Authorizer[];
  /** How much each service may ask of the route, besides its rate as a whole. */
  readonly limit?: RouteLimit | undefined;
  /** Whether the allow-list and the authorizers are only being tried. */
  readonly shadow: boolean;
  /** Whether the answer goes on with events, so that its caller is looked at again meanwhile. */
  readonly isEventStream?: boolean;
}

/** What a route asks of its callers: nothing, or an identity. */
export type RoutePolicy = { readonly public: true } | (Admission & { readonly public: false });

/** The policy where no decorator says anything: any service on the allow-list. */
export const DEFAULT_ADMISSION: Admission = Object.freeze({
  anyService: false,
  allowExpired: false,
  authorizers: [],
  shadow: false,
});

/**
 * The policy of a handler and its controller, from their decorators, by the table in docs/policy.md. `@Public()` on the handler opens it whatever the
 * controller says; on the controller it opens every handler that does not itself ask for services. The rules of handler and controller must all
 * allow. Without a handler it is the policy of the controller alone. Throws TypeError where decorators contradict each other, and for a handler that
 * is no method of the controller.
 */
export function routePolicyOf(handler: object | undefined, controller: HandlerClass): RoutePolicy {
  const onHandler = handler ? rulesOn(handler, authorizersOnMethod(handler, controller)) : NOTHING;
  const onController = rulesOn(controller, authorizersOn(controller));
  const ownLimit = handler && (metadataOfMethod(RATE_KEY, handler, controller) as Rate[])[0];
  const contradiction = (what: string) => new TypeError(`${placeOf(controller.name, handler)}: ${what}`);
  if (onHandler.isPublic && onHandler.asks)
    throw contradiction('a handler is both @Public() and restricted to services or roles');
  if (onHandler.isPublic && onHandler.shadow)
    throw contradiction('a handler is both @Public() and @Shadow(): there is nothing to try');
  if (onHandler.isPublic && ownLimit)
    throw contradiction('a handler is both @Public() and has a @RateLimit(), which counts by service');
  if (onHandler.isPublic) return { public: true };
  if (onController.isPublic && onController.asks)
    throw contradiction('a controller is both @Public() and restricted to services or roles');
  if (onController.isPublic && !onHandler.asks) return { public: true };
  const anyService = onHandler.anyService || onController.anyService;
  const authorizers = [...onController.authorizers, ...onHandler.authorizers];
  if (anyService && authorizers.length > 0)
    throw contradiction('a route is both @AllowAnyService() and restricted to services or roles');
  const allowExpired = handler !== undefined && Reflect.getMetadata(AllowExpired.KEY, handler) === true;
  const shadow = onHandler.shadow || onController.shadow;
  const limit = ownLimit ? limitOf(ownLimit, controller, handler) : limitOnController(controller);
  const isEventStream = handler !== undefined && Reflect.getMetadata(NEST_SSE, handler) === true;
  return { public: false, anyService, allowExpired, authorizers, shadow, limit, isEventStream };
}

/**
 * What all of several policies ask for: whoever does not pass it passes none of them, and whoever does has still to be asked by one of them. Without
 * any policy it is closed.
 */
export function leastOf(policies: readonly RoutePolicy[]): RoutePolicy {
  const closed = policies.filter((policy) => !policy.public);
  if (closed.length < policies.length) return { public: true };
  const [first, ...others] = closed;
  return {
    public: false,
    anyService: closed.some(({ anyService }) => anyService),
    allowExpired: closed.some(({ allowExpired }) => allowExpired),
    authorizers: (first?.authorizers ?? []).filter((rule) => others.every((other) => other.authorizers.includes(rule))),
    shadow: closed.some(({ shadow }) => shadow),
  };
}

function limitOnController(controller: HandlerClass): RouteLimit | undefined {
  const rate = Reflect.getMetadata(RATE_KEY, controller) as Rate | undefined;
  return rate && limitOf(rate, controller);
}

const limitOf = (rate: Rate, controller: HandlerClass, handler?: { readonly name?: string }): RouteLimit => ({
  owner: controller,
  rate,
  name: placeOf(nameOf(controller), handler),
});

const placeOf = (controller: string, handler?: { readonly name?: string }): string =>
  handler ? `${controller}.${handler.name ?? ''}` : controller;

/** The name of a controller or gateway, with the host, path and version by which Nest tells it from another of that name. */
function nameOf(controller: HandlerClass): string {
  const { path } = (Reflect.getMetadata(GATEWAY_OPTIONS, controller) ?? {}) as { readonly path?: string };
  const places = [...NEST_PLACES.map((key) => Reflect.getMetadata(key, controller) as unknown), path];
  const said = places.flat().filter((place) => place !== undefined && place !== '/');
  return [controller.name, ...said.map(String)].join(' ');
}

const NOTHING = { isPublic: false, anyService: false, shadow: false, asks: false, authorizers: [] };

function rulesOn(target: object, authorizers: readonly Authorizer[]) {
  // What opens a class is not inherited: a class is not opened by the one that it extends.
  const says = (key: string): boolean => Reflect.getOwnMetadata(key, target) === true;
  const anyService = says(AllowAnyService.KEY);
  return {
    isPublic: says(Public.KEY),
    anyService,
    shadow: says(Shadow.KEY),
    asks: anyService || authorizers.length > 0,
    authorizers,
  };
}
