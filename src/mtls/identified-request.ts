import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { VerifiedClientIdentity } from './client-identity.js';
import type { Admission } from './route-policy.js';

/** What the guard needs of a Fastify request, and what it puts on it. */
export interface IdentifiedRequest {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly is404: boolean;
  readonly routeOptions: { readonly url?: string | undefined; readonly handler?: unknown };
  readonly raw: IncomingMessage | Http2ServerRequest;
  clientIdentity?: VerifiedClientIdentity;
  /** The service of the trusted proxy that forwarded the caller's certificate; undefined when the caller itself holds the connection. */
  forwardedBy?: string;
  /** The policy by which the caller was admitted before the request's body was read. */
  admission?: Admission;
}

/** The identity that the guard put on a request. Throws TypeError where no guard ran: on a public route, or a transport without one. */
export function identityOf({ clientIdentity }: IdentifiedRequest): VerifiedClientIdentity {
  if (!VerifiedClientIdentity.isProven(clientIdentity))
    throw new TypeError('the request has no client identity: is the route public?');
  return clientIdentity;
}
