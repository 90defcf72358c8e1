import type { VerifiedClientIdentity } from './client-identity.js';

/**
 * The roles of services by their exact names: a table, or a function of the identity for roles that change while running. A service that is not named
 * has none.
 */
export type RolesInput = Readonly<Record<string, readonly string[]>> | RolesOf;
export type RolesOf = (identity: VerifiedClientIdentity) => ReadonlySet<string>;

const NONE: ReadonlySet<string> = new Set();

/** What a service may do beyond calling: looked up by the name in its validated certificate, for each request that asks. */
export class ServiceRoles {
  readonly #rolesOf: RolesOf;

  constructor(input: RolesInput = {}) {
    if (typeof input === 'function') {
      this.#rolesOf = input;
      return;
    }
    // A Map, so that no service gets roles by being called `__proto__`.
    const table = new Map(Object.entries(input).map(([service, roles]) => [service, new Set(roles)]));
    this.#rolesOf = ({ service }) => table.get(service) ?? NONE;
  }

  of(identity: VerifiedClientIdentity): ReadonlySet<string> {
    return this.#rolesOf(identity);
  }
}
