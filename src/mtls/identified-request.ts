import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { VerifiedClientIdentity } from './client-identity.js';

/** What this room needs of a Fastify request, and what it puts on it. */
export interface IdentifiedRequest {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly is404: boolean;
  readonly routeOptions: { readonly url?: string | undefined; readonly handler?: unknown };
  readonly raw: IncomingMessage | Http2ServerRequest;
  clientIdentity?: VerifiedClientIdentity;
}
