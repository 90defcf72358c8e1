import 'reflect-metadata';
import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { methodsOf, type HandlerClass } from './handler-methods.js';
import { routePolicyOf, type RoutePolicy } from './route-policy.js';

// The metadata key of Nest's route decorators on a handler.
const NEST_PATH = 'path';
// The metadata key of `@Controller({ host })` on a controller.
const NEST_HOST = 'host';
// The metadata key of `@RouteConfig()` of @nestjs/platform-fastify on a handler; its adapter copies the value into the route's `config`.
const ROUTE_CONFIG = '__fastify_route_config__';

const HANDLER = Symbol('veritas:Handler');

/** The policies of an application's handlers, each computed once, and the handlers behind its routes. */
@Injectable()
export class RoutePolicies {
  // By handler: one that two controllers inherit has a policy in each of them.
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

  /**
   * Puts each handler into the config of its routes, where {@link handlerOf} finds it. To be called before Nest registers the routes. Throws as
   * {@link of}.
   */
  markHandlers(): void {
    for (const module of this.modules.values())
      for (const { metatype } of module.controllers.values())
        if (typeof metatype === 'function') this.#mark(metatype as HandlerClass);
  }

  /** The handler of the route with this `config`; undefined when it belongs to no controller of this application. */
  handlerOf(config: object | undefined): object | undefined {
    const handler: unknown = config && Reflect.get(config, HANDLER);
    return typeof handler === 'function' && this.#controllersOf.has(handler) ? handler : undefined;
  }

  /** The policies of a handler, one for each controller that has it. Throws as {@link of}. */
  allOf(handler: object): readonly RoutePolicy[] {
    return (this.#controllersOf.get(handler) ?? []).map((controller) => this.of(handler, controller));
  }

  /** Whether a handler belongs to a controller that answers for certain hosts only. */
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
      this.of(handler, controller);
      const config = Reflect.getMetadata(ROUTE_CONFIG, handler) as object | undefined;
      Reflect.defineMetadata(ROUTE_CONFIG, { ...config, [HANDLER]: handler }, handler);
    }
  }
}
