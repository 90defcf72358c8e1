import { randomUUID } from 'node:crypto';
import type { LoggerService } from '@nestjs/common';
import { PkiError, requestFor, signerOf, type CertificationAuthority } from '../pki/index.js';
import {
  KEY_NOT_TAKEN,
  PairFiles,
  RenewalAgent,
  type RenewalAgentOptions,
  type RenewalEvent,
  type TlsFiles,
  type TlsReloader,
  withNewKey,
} from '../tls/index.js';
import { attributeValues, decodeCertificates, Oid, type Certificate } from '../x509/index.js';

/**
 * Keeps the certificate of the service's own listener from expiring: our CA certifies the same names and lifetime for a new key of the same kind. A
 * certificate that another CA issued is left alone. The agent is not started yet.
 */
export function serverRenewal(
  { ca, events }: CertificationAuthority,
  files: TlsFiles,
  reloader: Pick<TlsReloader, 'material' | 'reload'>,
  logger: Pick<LoggerService, 'log' | 'warn' | 'error'>,
  time: Pick<RenewalAgentOptions, 'clock' | 'timer'> = {},
): RenewalAgent {
  const isInUse = ({ fingerprint256 }: Certificate): boolean =>
    fingerprint256 === reloader.material.certificate.fingerprint256;
  return new RenewalAgent({
    ...time,
    current: () => {
      const { certificate } = reloader.material;
      return signerOf(certificate, ca.authorities) ? certificate : undefined;
    },
    renew: async () => {
      const pair = new PairFiles(files);
      try {
        // When the files already hold another certificate that was not taken up, one more would not be taken up either.
        const next = isInUse(pair.certificate) ? await replace(pair, ca) : pair.certificate;
        await reloader.reload();
        if (isInUse(next)) return next;
        throw new Error(`the certificate in ${files.certificateFile} is not taken up: tls_reload_failed says why`);
      } finally {
        pair.wipe();
      }
    },
    report: (event) => {
      log(event, logger);
      if (event.kind === 'renewed')
        events.emit('renewal.done', {
          serialNumber: event.certificate.serialNumber,
          previousSerialNumber: event.previous.serialNumber,
          notAfter: event.certificate.notAfter,
        });
      else if (event.kind === 'found') events.emit('renewal.unneeded', { notAfter: event.certificate?.notAfter });
      else events.emit('renewal.failed', event);
    },
  });
}

/** Has the CA renew the certificate of `pair` for a new key, and replaces both files. */
async function replace(pair: PairFiles, ca: CertificationAuthority['ca']): Promise<Certificate> {
  pair.checkWritable();
  const { serialNumber, fingerprint256, subject, publicKey } = pair.certificate;
  const [service = ''] = attributeValues(subject, Oid.commonName);
  const isRefused = (error: unknown): boolean => error instanceof PkiError && error.code === KEY_NOT_TAKEN;
  return withNewKey(publicKey, isRefused, async (privateKey) => {
    const { certificate, chainPem } = await ca.renew({
      request: requestFor(privateKey, service),
      holder: { serialNumber, fingerprint256 },
      requester: { actor: 'veritas', requestId: randomUUID(), standing: 'operator' },
    });
    pair.place(privateKey, decodeCertificates(chainPem));
    return certificate;
  });
}

function log(event: RenewalEvent, logger: Pick<LoggerService, 'log' | 'warn' | 'error'>): void {
  if (event.kind === 'renewed') {
    const { serialNumber, notAfter } = event.certificate;
    logger.log(
      {
        event: 'certificate_renewed',
        serialNumber,
        previous: event.previous.serialNumber,
        notAfter: notAfter.toISOString(),
      },
      'Tls',
    );
    return;
  }
  // What the listener took up is told as `tls_reloaded`.
  if (event.kind === 'found') return;
  const { level, why, attempt, retryAt, notAfter } = event;
  logger[level](
    {
      event: 'renewal_failed',
      reason: why,
      attempt,
      retryAt: retryAt.toISOString(),
      notAfter: notAfter?.toISOString(),
    },
    'Tls',
  );
}
