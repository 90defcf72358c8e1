import { hash } from 'node:crypto';
import type { Authorizer, RateOf, VerifiedClientIdentity } from '../mtls/index.js';
import type { ServiceRegistry, Subject } from '../registry/index.js';

/** What the registry is told about the caller. */
function subjectOf({ service, spiffeId, certificate }: VerifiedClientIdentity): Subject {
  return { service, spiffeId, spkiSha256: () => hash('sha256', certificate.publicKey.der) };
}

const NONE: ReadonlySet<string> = new Set();

/** Makes the registry the guard's allow-list, as the registry stands now. */
export function registryServices(registry: ServiceRegistry): Authorizer {
  const authorizer = (identity: VerifiedClientIdentity) => registry.answer(identity, subjectOf, Date.now);
  return Object.defineProperty(authorizer, 'epoch', { get: () => registry.epochAt(Date.now()) });
}

/**
 * Takes the roles of services from the registry. Only services of our own CA have any: another CA that is trusted here does not make administrators.
 */
export const registryRoles =
  (
    registry: ServiceRegistry,
    isOwn: (identity: VerifiedClientIdentity) => boolean,
  ): ((identity: VerifiedClientIdentity) => ReadonlySet<string>) =>
  (identity) =>
    isOwn(identity) ? registry.answer(identity, subjectOf, Date.now).roles : NONE;

/** Whether the registry has an entry for a service, and that does not let it in: for those that need none, such as proxies. */
export const registryDenial =
  (registry: ServiceRegistry): ((identity: VerifiedClientIdentity) => boolean) =>
  (identity) =>
    !registry.answer(identity, subjectOf, Date.now).allowed && registry.entriesFor(identity).length > 0;

/** Takes the rate of a service from the registry, or from the settings where the registry has none. */
export const registryRates =
  (registry: ServiceRegistry, configured: RateOf = () => undefined): RateOf =>
  (identity) =>
    registry.answer(identity, subjectOf, Date.now).rate ?? configured(identity);
