import { hash } from 'node:crypto';
import type { Authorizer, VerifiedClientIdentity } from './mtls/index.js';
import type { CaService } from './pki/index.js';
import type { ServiceRegistry, Subject } from './registry/index.js';

/** Who asks the registry. */
function subjectOf({ service, spiffeId, certificate }: VerifiedClientIdentity): Subject {
  return { service, spiffeId, spkiSha256: () => hash('sha256', certificate.publicKey.der) };
}

const NONE: ReadonlySet<string> = new Set();

/** Binds the guard's allow-list to the registry: what it says now. */
export function registryServices(registry: ServiceRegistry): Authorizer {
  return (identity) => registry.answer(identity, subjectOf, Date.now());
}

/** Binds roles to the registry. They are for services that our own CA named: another CA that is trusted here does not make administrators. */
export function registryRoles(
  registry: ServiceRegistry,
  ca: CaService,
): (identity: VerifiedClientIdentity) => ReadonlySet<string> {
  // Once for each change of the CAs: this stands on the path of every request.
  let authorities: CaService['authorities'] | undefined;
  let own = new Set<string | undefined>();
  return (identity) => {
    if (authorities !== ca.authorities) {
      authorities = ca.authorities;
      own = new Set(authorities.map(({ certificate }) => certificate.fingerprint256));
    }
    return own.has(identity.issuerFingerprint256) ? registry.answer(identity, subjectOf, Date.now()).roles : NONE;
  };
}
