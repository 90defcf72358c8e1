import type { RevocationStatus } from '../mtls/index.js';
import type { RevocationRegistry } from '../pki/index.js';

// How long a good answer is used, so that a store that cannot be read any more is noticed on busy connections too.
const GOOD_FOR_MS = 1_000;

/** Connects the guard's revocation port to the CA's registry: what this CA has revoked counts before any CRL is published. */
export function registryRevocation(registry: RevocationRegistry): RevocationStatus {
  return {
    get epoch() {
      return registry.epoch;
    },
    statusOf(certificate, issuer, now) {
      const source = 'registry';
      const answer = registry.statusOf(issuer, certificate.serialNumber);
      switch (answer.status) {
        case 'good':
          return { status: 'good', source, until: new Date(now.getTime() + GOOD_FOR_MS) };
        case 'revoked':
          return { status: 'revoked', source, revocationDate: answer.revokedAt, reason: answer.reason };
        case 'unknown':
          return {
            status: 'unknown',
            source,
            why:
              answer.because === 'foreign_issuer'
                ? 'the issuer is not this CA'
                : 'the store has not been readable for too long',
          };
      }
    },
  };
}
