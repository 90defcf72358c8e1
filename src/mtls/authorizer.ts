import type { VerifiedClientIdentity } from './client-identity.js';
import { servicePatterns } from './service-pattern.js';

/**
 * Allowed, or refused with a reason. `reason` is shown to the caller, and must say nothing that the caller does not know. With `shadow` the call is
 * allowed only because the rule is being tried; its reason is why the rule would refuse it.
 */
export type Decision =
  | { readonly allowed: true; readonly shadow?: { readonly reason: string } | undefined }
  | { readonly allowed: false; readonly reason: string };

/**
 * A policy is a function that says who may pass. `roles` are the roles that the service has now. It must be pure and quick: it runs on each request.
 */
export interface Authorizer {
  (identity: VerifiedClientIdentity, roles: ReadonlySet<string>): Decision;
  /** The roles of which it asks for one, for documents; absent when it asks for anything else. */
  readonly anyRoleOf?: readonly string[];
  /** The services, or patterns, of which it asks for one; absent when it asks for anything else. */
  readonly anyServiceOf?: readonly string[];
  /**
   * Changes whenever a decision might. For rules that change while running: open connections of services that are no longer allowed are then closed.
   */
  readonly epoch?: number;
}

/** What a rule decides. Throws what the rule throws, and TypeError when the rule returns anything but a {@link Decision}, for instance a promise. */
export function decisionOf(rule: Authorizer, identity: VerifiedClientIdentity, roles: ReadonlySet<string>): Decision {
  const decision: unknown = rule(identity, roles);
  if (isDecision(decision)) return decision;
  // A promise that is rejected without anybody waiting for it would end the process.
  Promise.resolve(decision).catch(() => undefined);
  throw new TypeError('an authorizer must return { allowed: true } or { allowed: false, reason }, and no promise');
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

/**
 * Allows the named services: exact names, or SPIFFE IDs that end in `/*`, as in {@link servicePatterns}. Throws RangeError for a name that could
 * match nothing.
 */
export function services(...names: readonly string[]): Authorizer {
  const isNamed = servicePatterns(names);
  const authorizer = ({ service }: VerifiedClientIdentity): Decision =>
    isNamed(service) ? ALLOWED : refused(`service ${service} is not allowed here`);
  return Object.assign(authorizer, { anyServiceOf: names });
}

/** Allows services that have at least one of the named roles. */
export function roles(...names: readonly string[]): Authorizer {
  const authorizer = (_: VerifiedClientIdentity, own: ReadonlySet<string>): Decision =>
    names.some((name) => own.has(name)) ? ALLOWED : refused(`this needs the role ${names.join(' or ')}`);
  return Object.assign(authorizer, { anyRoleOf: names });
}

/** Allows what every authorizer allows. The first refusal counts, else the first shadow. Without authorizers it allows nothing. */
export function allOf(...authorizers: readonly Authorizer[]): Authorizer {
  return withEpochOf(authorizers, (identity, roles) => {
    let [decision, shadow] = [refused('no rule allows this'), undefined as Decision | undefined];
    for (const authorizer of authorizers) {
      decision = decisionOf(authorizer, identity, roles);
      if (!decision.allowed) return decision;
      if (decision.shadow) shadow ??= decision;
    }
    return shadow ?? decision;
  });
}

/** Allows what at least one authorizer allows; as a shadow when only shadows allow it. Without authorizers it allows nothing. */
export function anyOf(...authorizers: readonly Authorizer[]): Authorizer {
  return withEpochOf(authorizers, (identity, roles) => {
    let [decision, shadow] = [refused('no rule allows this'), undefined as Decision | undefined];
    for (const authorizer of authorizers) {
      decision = decisionOf(authorizer, identity, roles);
      if (decision.allowed && !decision.shadow) return decision;
      if (decision.allowed) shadow ??= decision;
    }
    return shadow ?? decision;
  });
}

/** The rule with an epoch that changes when that of any of its parts does; without one where no part has any. */
function withEpochOf(parts: readonly Authorizer[], rule: Authorizer): Authorizer {
  if (!parts.some((part) => 'epoch' in part)) return rule;
  let [seen, epoch]: [(number | undefined)[], number] = [[], 0];
  return Object.defineProperty(rule, 'epoch', {
    get: () => {
      const now = parts.map((part) => part.epoch);
      if (now.some((each, index) => !Object.is(each, seen[index]))) [seen, epoch] = [now, epoch + 1];
      return epoch;
    },
  });
}
