import type { Server } from 'node:tls';
import type { MicroserviceConfig } from '../configuration/index.js';
import { MtlsTcpServer } from '../mtls/tcp/index.js';
import { serverOptions, type ServerTlsSettings, type TlsMaterial, type TlsReloader } from '../tls/index.js';

/** The listener for NestJS messages, not listening yet; undefined when `microservice.port` is not set. It shares its ticket keys with `https`. */
export function messageListener(
  microservice: MicroserviceConfig,
  tls: { readonly settings: ServerTlsSettings; readonly material: TlsMaterial; readonly handshakeTimeout: number },
  https: Server,
): MtlsTcpServer | undefined {
  const { port, ...limits } = microservice;
  if (port === undefined) return undefined;
  const { settings, material, handshakeTimeout } = tls;
  const server = new MtlsTcpServer({ ...limits, port, tls: serverOptions(settings, material, { handshakeTimeout }) });
  server.unwrap<Server>().setTicketKeys(https.getTicketKeys());
  return server;
}

/** Presents several TLS servers to the reloader as one: whatever one of them takes up, ticket keys included, all of them do. */
export function asOneServer(servers: readonly [Server, ...Server[]]): ConstructorParameters<typeof TlsReloader>[0] {
  return {
    setSecureContext: (options) => {
      for (const server of servers) server.setSecureContext(options);
    },
    getTicketKeys: () => servers[0].getTicketKeys(),
    setTicketKeys: (keys) => {
      for (const server of servers) server.setTicketKeys(keys);
    },
  };
}
