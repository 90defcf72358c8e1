import { Server } from 'node:tls';

/** Whether a server asks its clients for a certificate; undefined for one without TLS. */
export function asksForCertificates(server: unknown): boolean | undefined {
  if (!(server instanceof Server)) return undefined;
  // Node.js keeps the option on the server, though its types do not say so.
  return (server as { readonly requestCert?: boolean }).requestCert === true;
}
