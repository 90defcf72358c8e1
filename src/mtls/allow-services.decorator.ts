import 'reflect-metadata';
import { roles, services, type Authorizer } from './authorizer.js';
import { metadataDecorator, metadataOfMethod } from './decorated.js';
import type { HandlerClass } from './handler-methods.js';

const AUTHORIZERS_KEY = Symbol('veritas:Authorizers');

/**
 * Restricts a route, or the routes of a controller, to these services of the allow-list: exact names, or SPIFFE IDs that may end in `/*`. Throws
 * RangeError when none is named, because a route for nobody is a mistake, and for a name that could match nothing.
 */
export function AllowServices(...names: readonly [string, ...string[]]): MethodDecorator & ClassDecorator {
  if (names.length === 0) throw new RangeError('@AllowServices() names no service');
  return Authorize(services(...names));
}

/**
 * Restricts a route, or the routes of a controller, to services of the allow-list that have at least one of these roles (`MtlsOptions.roles`). Throws
 * RangeError when no role is named.
 */
export function RequireRoles(...names: readonly [string, ...string[]]): MethodDecorator & ClassDecorator {
  if (names.length === 0) throw new RangeError('@RequireRoles() names no role');
  return Authorize(roles(...names));
}

/** As {@link AllowServices}, with any rule of your own. Rules add up, whichever decorator they come from: all of them must allow the call. */
export function Authorize(authorizer: Authorizer): MethodDecorator & ClassDecorator {
  return metadataDecorator<readonly Authorizer[]>(AUTHORIZERS_KEY, (before = []) => [...before, authorizer]);
}

/** The rules on a controller and the classes that it extends. */
export const authorizersOn = (controller: HandlerClass): readonly Authorizer[] =>
  (Reflect.getMetadata(AUTHORIZERS_KEY, controller) as readonly Authorizer[] | undefined) ?? [];

/** The rules on a method of a controller. Throws TypeError as {@link metadataOfMethod}. */
export const authorizersOnMethod = (handler: object, controller: HandlerClass): readonly Authorizer[] => [
  ...new Set((metadataOfMethod(AUTHORIZERS_KEY, handler, controller) as (readonly Authorizer[])[]).flat()),
];
