import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { VerifiedClientIdentity } from './client-identity.js';
import type { Admission } from './route-policy.js';

/** What this room needs of a Fastify request, and what it puts on it. */
export interface IdentifiedRequest {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly is404: boolean;
  readonly routeOptions: { readonly url?: string | undefined; readonly handler?: unknown };
  readonly raw: IncomingMessage | Http2ServerRequest;
  clientIdentity?: VerifiedClientIdentity;
  /** The service of the trusted proxy that handed the caller's certificate on; undefined when the caller holds the connection. */
  forwardedBy?: string;
  /** What the caller was admitted by before the request's body came. */
  admission?: Admission;
}

/** The identity that the guard put on a request. Throws TypeError where no guard ran: a public route, or a transport without one. */
export function identityOf({ clientIdentity }: IdentifiedRequest): VerifiedClientIdentity {
  if (!VerifiedClientIdentity.isProven(clientIdentity))
    throw new TypeError('the request has no client identity: is the route public?');
  return clientIdentity;
}
