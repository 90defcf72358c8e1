import { hash } from 'node:crypto';
import type { Authorizer, RateOf, VerifiedClientIdentity } from '../mtls/index.js';
import type { ServiceRegistry, Subject } from '../registry/index.js';

/** Who asks the registry. */
function subjectOf({ service, spiffeId, certificate }: VerifiedClientIdentity): Subject {
  return { service, spiffeId, spkiSha256: () => hash('sha256', certificate.publicKey.der) };
}

const NONE: ReadonlySet<string> = new Set();

/** Binds the guard's allow-list to the registry: what it says now. */
export function registryServices(registry: ServiceRegistry): Authorizer {
  const authorizer = (identity: VerifiedClientIdentity) => registry.answer(identity, subjectOf, Date.now);
  return Object.defineProperty(authorizer, 'epoch', { get: () => registry.epochAt(Date.now()) });
}

/** Binds roles to the registry. They are for services that our own CA named: another CA that is trusted here does not make administrators. */
export const registryRoles =
  (
    registry: ServiceRegistry,
    isOwn: (identity: VerifiedClientIdentity) => boolean,
  ): ((identity: VerifiedClientIdentity) => ReadonlySet<string>) =>
  (identity) =>
    isOwn(identity) ? registry.answer(identity, subjectOf, Date.now).roles : NONE;

/** Binds the rate of a service to the registry; where that has none, to the settings. */
export const registryRates =
  (registry: ServiceRegistry, configured: RateOf = () => undefined): RateOf =>
  (identity) =>
    registry.answer(identity, subjectOf, Date.now).rate ?? configured(identity);
