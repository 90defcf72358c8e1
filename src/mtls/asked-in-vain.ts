import { authorizersOn, authorizersOnMethod } from './allow-services.decorator.js';
import type { Authorizer } from './authorizer.js';
import { methodsOf, type HandlerClass } from './handler-methods.js';
import type { MtlsOptions } from './mtls.options.js';
import { servicePatterns } from './service-pattern.js';

/**
 * What decorators ask for and nobody has, most likely because it is misspelt: services that are not on the allow-list, and roles that no service has;
 * one sentence for each. Of an allow-list or roles that are functions nothing is said.
 */
export function* askedInVain(
  classes: Iterable<HandlerClass>,
  { services, roles = {} }: Pick<MtlsOptions, 'services' | 'roles'>,
): Generator<string> {
  const isListed = typeof services === 'function' ? () => true : servicePatterns(services);
  const given = typeof roles === 'function' ? undefined : new Set(Object.values(roles).flat());
  function* ofRule(place: string, { anyServiceOf = [], anyRoleOf = [] }: Authorizer): Generator<string> {
    for (const name of anyServiceOf)
      if (!name.endsWith('/*') && !isListed(name))
        yield `${place} asks for the service ${name}, which is not among \`services\`: nobody is let in by that name`;
    for (const role of anyRoleOf)
      if (given?.has(role) === false) yield `${place} asks for the role ${role}, which \`roles\` gives to nobody`;
  }
  for (const each of classes) {
    for (const rule of authorizersOn(each)) yield* ofRule(each.name, rule);
    for (const method of methodsOf(each).filter((one) => one !== each))
      for (const rule of authorizersOnMethod(method, each))
        yield* ofRule(`${each.name}.${(method as { readonly name: string }).name}`, rule);
  }
}
