import { expiryPart, type HealthPart, type PartState } from '../health/index.js';
import { needsCrl, type CaService, type CrlService, type OcspService, type RevocationRegistry } from '../pki/index.js';
import type { Certificate } from '../x509/index.js';

const DAY = 86_400_000;

/** The CA that issues now. Down once it has expired or is revoked: it then issues nothing, and the guard refuses everything it issued. */
export function issuingCaPart(
  ca: CaService,
  registry: RevocationRegistry,
  { warningDays, clock }: { readonly warningDays: number; readonly clock: () => Date },
): HealthPart {
  const expiry = expiryPart('issuing_ca', () => ca.issuing.certificate.notAfter, warningDays, clock);
  return {
    name: expiry.name,
    check: () => {
      const { parent, certificate } = ca.issuing;
      const above = ca.authorities.find(({ id }) => id === parent);
      const isRevoked = above && registry.statusOf(above.certificate, certificate.serialNumber).status === 'revoked';
      return isRevoked ? { state: 'down', detail: 'revoked' } : expiry.check();
    },
  };
}

/** The certificate of the listener. One that is revoked is a warning: only clients who ask for its status refuse it. */
export function serverCertificatePart(
  certificate: () => Certificate,
  ca: CaService,
  registry: RevocationRegistry,
  clock: () => Date,
): HealthPart {
  const expiry = expiryPart('server_certificate', () => certificate().notAfter, 1, clock);
  return {
    name: expiry.name,
    check: async () => {
      const state = await expiry.check();
      if (state.state === 'down') return state;
      const { serialNumber } = certificate();
      // Numbers of ours are random: no other CA gives the same ones.
      const isRevoked = ca.authorities.some(
        (authority) => registry.statusOf(authority.certificate, serialNumber).status === 'revoked',
      );
      return isRevoked ? { state: 'warning', detail: 'revoked' } : state;
    },
  };
}

/**
 * Whether every list is current. Without the complete list, or a shard of it, nobody knows who is revoked: down, unless the list is signed elsewhere
 * and has to be brought in. A late delta list only delays the news of revocations: a warning.
 */
export function crlPart(ca: Pick<CaService, 'authorities'>, crls: CrlService, clock: () => Date): HealthPart {
  return {
    name: 'crl',
    check: () => {
      const now = clock();
      const without = (isMissed: (scope: string) => boolean) =>
        ca.authorities.filter(needsCrl).filter(({ id }) => crls.missing(id, now).some(isMissed));
      const stale = without((scope) => scope !== 'delta');
      if (stale.length > 0) {
        const detail = `no current CRL of ${stale.map(({ id }) => id).join(', ')}`;
        // A CA whose list is signed elsewhere does not stop what is signed here.
        return { state: stale.every(({ keyHere }) => !keyHere) ? 'warning' : 'down', detail };
      }
      const late = without((scope) => scope === 'delta');
      if (late.length === 0) return { state: 'up' };
      return { state: 'warning', detail: `no current delta CRL of ${late.map(({ id }) => id).join(', ')}` };
    },
  };
}

/**
 * The responders that have been asked so far: how long their certificates last, and when an answer was last signed. A responder that cannot be opened
 * or renewed is a warning, because the guard does not need it.
 */
export function ocspPart(ocsp: Pick<OcspService, 'standing'>, clock: () => Date): HealthPart {
  return {
    name: 'ocsp',
    check: (): PartState => {
      const { responders, lastSigned } = ocsp.standing;
      const failed = responders.filter(({ hasFailed }) => hasFailed);
      if (failed.length > 0)
        return {
          state: 'warning',
          detail: `no new certificate for the responder of ${failed.map(({ issuer }) => issuer).join(', ')}`,
        };
      const lasting = responders.flatMap(({ issuer, notAfter }) =>
        notAfter ? [`${issuer} ${Math.floor((notAfter.getTime() - clock().getTime()) / DAY)} days left`] : [],
      );
      const signed = lastSigned ? [`last signed ${lastSigned.toISOString()}`] : [];
      return { state: 'up', detail: [...lasting, ...signed].join(', ') || 'nobody has asked yet' };
    },
  };
}
