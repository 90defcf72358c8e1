import type { LoggerService } from '@nestjs/common';
import { signerOf, type CertificationAuthority } from '../pki/index.js';
import { OcspStapler } from '../tls/index.js';
import { certIdOf, encodeOcspRequest, type Certificate } from '../x509/index.js';

/**
 * Staples what the CA's own responder says about the service's certificate. Undefined where OCSP is not answered. A certificate of another CA gets no
 * staple.
 */
export function ocspStapling(
  { ocsp, ca, events }: CertificationAuthority,
  presented: () => Certificate,
  logger: LoggerService,
): OcspStapler | undefined {
  if (!ocsp) return undefined;
  const stapler = new OcspStapler({
    presented: () => {
      const certificate = presented();
      return { certificate, issuer: signerOf(certificate, ca.authorities)?.certificate };
    },
    source: async ({ serialNumber }, issuer) =>
      (await ocsp.answer(encodeOcspRequest([certIdOf(issuer, serialNumber)]))).der,
    clock: () => new Date(),
    report: (event) => {
      if (event.kind === 'failed') logger.warn({ event: 'ocsp_stapling_failed', reason: event.why }, 'Tls');
      else {
        const line = { event: 'ocsp_stapled', status: event.status, until: event.until.toISOString() };
        if (event.status === 'good') logger.log(line, 'Tls');
        else logger.warn(line, 'Tls');
      }
    },
  });
  events.on('revocations.changed', () => void stapler.refresh());
  return stapler;
}
