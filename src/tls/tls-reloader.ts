import { randomBytes } from 'node:crypto';
import type { Server } from 'node:tls';
import { MaterialWatch, type MaterialWatchOptions } from './material-watch.js';
import { serverContextOptions, type ServerTlsSettings } from './secure-context.js';
import type { TlsFiles, TlsMaterial } from './tls-material.js';

/**
 * Makes a server take up new certificate, key and CA files, by a {@link MaterialWatch}, without a restart and without a failed request.
 *
 * When the certificate changes, the ticket keys are kept, so that clients go on resuming sessions. When the trust changes, they are replaced, so that
 * no earlier session opens anything (RFC 8446 §4.6.1, Envoy CVE-2022-21654). Open connections stay: the guard looks at them again.
 */
export class TlsReloader extends MaterialWatch {
  constructor(
    server: Pick<Server, 'setSecureContext' | 'getTicketKeys' | 'setTicketKeys'>,
    settings: ServerTlsSettings,
    files: TlsFiles,
    current: TlsMaterial,
    options: MaterialWatchOptions,
  ) {
    super(files, current, options, (material, change) => {
      const ticketKeys = material.ticketKeys ?? (change === 'trust' ? randomBytes(48) : server.getTicketKeys());
      server.setSecureContext(serverContextOptions(settings, material));
      // setSecureContext makes new ticket keys of its own.
      server.setTicketKeys(ticketKeys);
    });
  }
}
