import { SetMetadata } from '@nestjs/common';
import { roles, services, type Authorizer } from './authorizer.js';

export const AUTHORIZER_KEY = Symbol('veritas:Authorizer');

/**
 * Lets only these services (exact names), out of those on the allow-list, call a route or the routes of a controller. On both, both must
 * allow. Throws RangeError when no service is named: a route for nobody is a mistake.
 */
export function AllowServices(...names: readonly [string, ...string[]]): MethodDecorator & ClassDecorator {
  if (names.length === 0) throw new RangeError('@AllowServices() names no service');
  return Authorize(services(...names));
}

/**
 * Lets only services with at least one of these roles (`MtlsOptions.roles`), out of those on the allow-list, call a route or the routes of a
 * controller. Throws RangeError when no role is named.
 */
export function AllowRoles(...names: readonly [string, ...string[]]): MethodDecorator & ClassDecorator {
  if (names.length === 0) throw new RangeError('@AllowRoles() names no role');
  return Authorize(roles(...names));
}

/** As {@link AllowServices}, with any rule of your own. */
export function Authorize(authorizer: Authorizer): MethodDecorator & ClassDecorator {
  return SetMetadata(AUTHORIZER_KEY, authorizer);
}
