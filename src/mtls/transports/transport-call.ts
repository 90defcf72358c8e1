import { randomBytes } from 'node:crypto';
import type { VerifiedClientIdentity } from '../client-identity.js';
import type { IdentifiedRequest } from '../identified-request.js';
import type { MtlsRefusal } from '../mtls.errors.js';

/** A connection that carries messages, on a transport other than HTTP. */
export interface TransportConnection {
  /** As the log names it: `TCP`, `gRPC`, `WebSocket`. */
  readonly transport: string;
  /** The form in which the guard looks at connections: the request that opened it, or an object in place of one. */
  readonly raw: IdentifiedRequest['raw'];
  /** A refusal in the form in which this transport reports errors. */
  readonly errorOf: (refusal: MtlsRefusal, requestId: string) => unknown;
  /** Ends the connection once the peer has got what was answered before: its certificate is of no more use. */
  end: (refusal: MtlsRefusal) => void;
}

/** One message over a transport other than HTTP, in the form in which the gate knows a request. */
export class TransportCall implements IdentifiedRequest {
  readonly id = callId();
  readonly is404 = false;
  readonly method: string;
  readonly url: string;
  readonly routeOptions: { readonly url: string | undefined };
  readonly raw: IdentifiedRequest['raw'];
  clientIdentity?: VerifiedClientIdentity;

  /** `route` is the pattern or the method of a handler that exists: what a caller made up is not logged. */
  constructor(
    readonly connection: TransportConnection,
    route: string | undefined,
  ) {
    this.method = connection.transport;
    this.raw = connection.raw;
    this.routeOptions = { url: route };
    // Never a path: a pattern must not be exempt because a path of the same name is.
    this.url = `${connection.transport}:${route ?? ''}`;
  }

  errorOf(refusal: MtlsRefusal): unknown {
    return this.connection.errorOf(refusal, this.id);
  }
}

const randomPart = randomBytes(6).toString('hex');
let count = 0;

/** An id for a call, for its answer and the log. */
export function callId(): string {
  return `${randomPart}-m${(++count).toString(36)}`;
}

const calls = new WeakMap<object, TransportCall>();

/** Lets {@link callOf} find a call by an object that the transport hands to the handler: a context, gRPC metadata, a client. */
export function rememberCall(key: object, call: TransportCall): void {
  calls.set(key, call);
}

/** The call behind a handler's arguments; undefined when no door of this package has seen it. */
export function callOf(args: readonly unknown[]): TransportCall | undefined {
  for (const argument of args) {
    if (typeof argument !== 'object' || argument === null) continue;
    const call = calls.get(argument);
    if (call) return call;
    // A gRPC stream that is handed over whole has its metadata inside.
    if ('metadata' in argument && typeof argument.metadata === 'object' && argument.metadata !== null) {
      const inside = calls.get(argument.metadata);
      if (inside) return inside;
    }
  }
  return undefined;
}
