import type { Server } from 'node:tls';
import type { LoggerService } from '@nestjs/common';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { trustIn } from '../bindings/current-trust.js';
import { checkMaterialPlaces } from '../bindings/material-places.js';
import { ocspStapling } from '../bindings/ocsp-stapling.js';
import type { Configuration } from '../configuration/index.js';
import type { MtlsTcpServer } from '../mtls/tcp/index.js';
import type { CertificationAuthority } from '../pki/index.js';
import { readTlsMaterial, serverOptions, TlsReloader, type OcspStapler, type TlsFiles } from '../tls/index.js';
import { limitConnections } from './connection-limits.js';
import { logFailedHandshakes } from './handshake-log.js';
import { createHttpAdapter } from './http-adapter.js';
import { checkServerCertificate } from './server-certificate.js';
import { asOneServer, messageListener } from './message-listener.js';

/** The servers that take TLS connections, and what keeps their certificate in step with the files. Nothing listens yet. */
export interface Listeners {
  readonly adapter: FastifyAdapter;
  readonly https: Server;
  /** For NestJS messages, where `microservice.port` is set. */
  readonly messages: MtlsTcpServer | undefined;
  /** The files that {@link reloader} looks at. */
  readonly files: TlsFiles;
  readonly reloader: TlsReloader;
  /** Where OCSP is answered. */
  readonly stapler: OcspStapler | undefined;
}

/** Makes the listeners from the files of `tls`, with one certificate for all of them. Throws TlsSetupError. */
export async function createListeners(
  configuration: Configuration,
  authority: CertificationAuthority,
  logger: LoggerService,
): Promise<Listeners> {
  const { http, tls, mtls, microservice } = configuration;
  const files = { ...tls, keyPassphrase: tls.keyPassphrase, intermediatesFile: mtls.intermediatesFile };
  checkMaterialPlaces(tls, authority.certsDirectory);
  const material = await readTlsMaterial(files, new Date());
  checkServerCertificate(material, tls.certificateFile);
  // The listener does not know the CAs of other trust domains. So it names none: the client chooses its certificate, and the guard decides.
  const settings = { ...tls, namesCas: mtls.trustDomains.length === 0 };
  const adapter = createHttpAdapter(http, serverOptions(settings, material));
  const https = adapter.getInstance().server as unknown as Server;
  const { handshakeTimeout } = http;
  const messages = messageListener(microservice, { settings, material, handshakeTimeout }, https);
  const servers: [Server, ...Server[]] = messages ? [https, messages.unwrap<Server>()] : [https];
  const stapler = ocspStapling(authority, () => reloader.material.certificate, logger);
  for (const server of servers) {
    limitConnections(server, http, logger);
    logFailedHandshakes(server, logger);
    stapler?.attach(server);
  }
  const reloader = new TlsReloader(asOneServer(servers), settings, files, material, {
    interval: tls.reloadInterval,
    check: (fresh) => {
      checkServerCertificate(fresh, tls.certificateFile);
      trustIn(fresh, configuration);
    },
    clock: () => new Date(),
    report: (event) => {
      if (event.kind === 'failed') {
        logger.error({ event: 'tls_reload_failed', reason: event.why }, 'Tls');
        return;
      }
      const { fingerprint256 } = event.material.certificate;
      logger.log({ event: 'tls_reloaded', changed: event.kind, fingerprint256 }, 'Tls');
      void stapler?.refresh();
    },
  });
  return { adapter, https, messages, files, reloader, stapler };
}
