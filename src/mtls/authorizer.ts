import type { VerifiedClientIdentity } from './client-identity.js';
import { servicePatterns } from './service-pattern.js';

/**
 * Allowed, or why not: `reason` is for the caller and says nothing that they do not know. With `shadow` it is allowed because the rule is only tried, and that
 * is why it would not be.
 */
export type Decision =
  | { readonly allowed: true; readonly shadow?: { readonly reason: string } | undefined }
  | { readonly allowed: false; readonly reason: string };

/** Policy is a function: who may pass. `roles` are those of the service now. Must be pure and quick: it runs on each request. */
export interface Authorizer {
  (identity: VerifiedClientIdentity, roles: ReadonlySet<string>): Decision;
  /** The roles that it asks for one of, where that is all it asks for: for documents. */
  readonly anyRoleOf?: readonly string[];
  /** Changes whenever a decision might, for rules that change while running: open connections of who is no longer allowed are then closed. */
  readonly epoch?: number;
}

/** What a rule decides. Throws TypeError for whatever is no {@link Decision}, a promise among it, and what the rule throws. */
export function decisionOf(rule: Authorizer, identity: VerifiedClientIdentity, roles: ReadonlySet<string>): Decision {
  const decision: unknown = rule(identity, roles);
  if (isDecision(decision)) return decision;
  // One that is rejected, and that nobody waits for, would end the process.
  Promise.resolve(decision).catch(() => undefined);
  throw new TypeError('a rule has to answer { allowed: true } or { allowed: false, reason }, and at once');
}

function isDecision(value: unknown): value is Decision {
  if (typeof value !== 'object' || value === null || !('allowed' in value)) return false;
  if (value.allowed !== true) return value.allowed === false && 'reason' in value && typeof value.reason === 'string';
  if (!('shadow' in value) || value.shadow === undefined) return true;
  const { shadow } = value;
  return typeof shadow === 'object' && shadow !== null && 'reason' in shadow && typeof shadow.reason === 'string';
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

/** Allows what every authorizer allows; the first refusal counts, else the first shadow. Nothing given allows nothing. */
export function allOf(...authorizers: readonly Authorizer[]): Authorizer {
  return (identity, roles) => {
    let [decision, shadow] = [refused('no rule allows this'), undefined as Decision | undefined];
    for (const authorizer of authorizers) {
      decision = decisionOf(authorizer, identity, roles);
      if (!decision.allowed) return decision;
      if (decision.shadow) shadow ??= decision;
    }
    return shadow ?? decision;
  };
}

/** Allows what at least one authorizer allows, in a shadow when none does without. Nothing given allows nothing. */
export function anyOf(...authorizers: readonly Authorizer[]): Authorizer {
  return (identity, roles) => {
    let [decision, shadow] = [refused('no rule allows this'), undefined as Decision | undefined];
    for (const authorizer of authorizers) {
      decision = decisionOf(authorizer, identity, roles);
      if (decision.allowed && !decision.shadow) return decision;
      if (decision.allowed) shadow ??= decision;
    }
    return shadow ?? decision;
  };
}
