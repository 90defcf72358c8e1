import 'reflect-metadata';
import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { methodsOf, type HandlerClass } from './handler-methods.js';
import { routePolicyOf, type RoutePolicy } from './route-policy.js';

// What Nest's route decorators leave on a handler.
const NEST_PATH = 'path';
// What `@Controller({ host })` leaves on a controller.
const NEST_HOST = 'host';
// What `@RouteConfig()` of @nestjs/platform-fastify leaves on a handler, and its adapter puts into the route's `config`.
const ROUTE_CONFIG = '__fastify_route_config__';

const HANDLER = Symbol('veritas:Handler');

/** The policies of an application's handlers, each computed once, and the routes that they are behind. */
@Injectable()
export class RoutePolicies {
  // By handler: one that two controllers inherit has a policy in each.
  readonly #policies = new WeakMap<object, { readonly controller: object; readonly policy: RoutePolicy }[]>();
  readonly #controllersOf = new Map<object, HandlerClass[]>();

  constructor(@Inject(ModulesContainer) private readonly modules: ModulesContainer) {}

  /** The policy of a handler in a controller; always the same object. Throws TypeError where decorators contradict each other. */
  of(handler: object, controller: HandlerClass): RoutePolicy {
    const known = this.#policies.get(handler) ?? [];
    for (const each of known) if (each.controller === controller) return each.policy;
    const policy = routePolicyOf(handler, controller);
    this.#policies.set(handler, [...known, { controller, policy }]);
    return policy;
  }

  /** Has the routes of every controller carry their handler, so that {@link handlerOf} knows it. To be called before Nest registers them. */
  markHandlers(): void {
    for (const module of this.modules.values())
      for (const { metatype } of module.controllers.values())
        if (typeof metatype === 'function') this.#mark(metatype as HandlerClass);
  }

  /** The handler behind a route, by the route's `config`; undefined when no controller of this application has it. */
  handlerOf(config: object | undefined): object | undefined {
    const handler: unknown = config && Reflect.get(config, HANDLER);
    return typeof handler === 'function' && this.#controllersOf.has(handler) ? handler : undefined;
  }

  /** The policies of a handler, one for each controller that has it. Throws as {@link of}. */
  allOf(handler: object): readonly RoutePolicy[] {
    return (this.#controllersOf.get(handler) ?? []).map((controller) => this.of(handler, controller));
  }

  /** Whether a handler is of a controller that answers for some hosts alone. */
  isOfHost(handler: object): boolean {
    return (this.#controllersOf.get(handler) ?? []).some(
      (controller) => Reflect.getMetadata(NEST_HOST, controller) !== undefined,
    );
  }

  #mark(controller: HandlerClass): void {
    for (const handler of methodsOf(controller)) {
      if (!Reflect.hasMetadata(NEST_PATH, handler)) continue;
      const controllers = this.#controllersOf.get(handler) ?? [];
      if (!controllers.includes(controller)) this.#controllersOf.set(handler, [...controllers, controller]);
      const config = Reflect.getMetadata(ROUTE_CONFIG, handler) as object | undefined;
      Reflect.defineMetadata(ROUTE_CONFIG, { ...config, [HANDLER]: handler }, handler);
    }
  }
}
