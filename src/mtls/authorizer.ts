import type { VerifiedClientIdentity } from './client-identity.js';
import { servicePatterns } from './service-pattern.js';

/** Allowed, or why not: `reason` is for the caller and says nothing that they do not know. */
export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

/** Policy is a function: who may pass. `roles` are those of the service now. Must be pure and quick: it runs on each request. */
export interface Authorizer {
  (identity: VerifiedClientIdentity, roles: ReadonlySet<string>): Decision;
  /** The roles that it asks for one of, where that is all it asks for: for documents. */
  readonly anyRoleOf?: readonly string[];
  /** Changes whenever a decision might, for rules that change while running: open connections of who is no longer allowed are then closed. */
  readonly epoch?: number;
}

const ALLOWED: Decision = Object.freeze({ allowed: true });
const refused = (reason: string): Decision => Object.freeze({ allowed: false, reason });

/** Allows the services named: exactly, or by a SPIFFE ID that ends in `/*`, as {@link servicePatterns} says. Throws RangeError for what could match nothing. */
export function services(...names: readonly string[]): Authorizer {
  const isNamed = servicePatterns(names);
  return ({ service }) => (isNamed(service) ? ALLOWED : refused(`service ${service} is not allowed here`));
}

/** Allows whoever has at least one of the roles named. */
export function roles(...names: readonly string[]): Authorizer {
  const authorizer = (_: VerifiedClientIdentity, own: ReadonlySet<string>): Decision =>
    names.some((name) => own.has(name)) ? ALLOWED : refused(`this needs the role ${names.join(' or ')}`);
  return Object.assign(authorizer, { anyRoleOf: names });
}

/** Allows what every authorizer allows; the first refusal counts. Nothing given allows nothing. */
export function allOf(...authorizers: readonly Authorizer[]): Authorizer {
  return (identity, roles) => {
    let decision = refused('no rule allows this');
    for (const authorizer of authorizers) {
      decision = authorizer(identity, roles);
      if (!decision.allowed) return decision;
    }
    return decision;
  };
}

/** Allows what at least one authorizer allows. Nothing given allows nothing. */
export function anyOf(...authorizers: readonly Authorizer[]): Authorizer {
  return (identity, roles) => {
    let decision = refused('no rule allows this');
    for (const authorizer of authorizers) {
      decision = authorizer(identity, roles);
      if (decision.allowed) return decision;
    }
    return decision;
  };
}
