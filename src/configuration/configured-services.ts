import type { Configuration } from './configuration.js';

/** The services that `mtls.services` lists, each with the roles that `mtls.roles` gives it. */
export function configuredServices({
  mtls,
}: Pick<Configuration, 'mtls'>): { readonly name: string; readonly roles: readonly string[] }[] {
  const roles = new Map(mtls.roles.map((entry) => [entry.service, entry.roles]));
  return mtls.services.map((name) => ({ name, roles: roles.get(name) ?? [] }));
}
