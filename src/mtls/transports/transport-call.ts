import { randomBytes } from 'node:crypto';
import type { VerifiedClientIdentity } from '../client-identity.js';
import type { IdentifiedRequest } from '../identified-request.js';
import type { MtlsRefusal } from '../mtls.errors.js';

/** A connection over which messages come, on a transport other than HTTP. */
export interface TransportConnection {
  /** As the log names it: `TCP`, `gRPC`, `WebSocket`. */
  readonly transport: string;
  /** The shape in which the guard looks at connections: the request that opened it, or what stands for one. */
  readonly raw: IdentifiedRequest['raw'];
  /** A refusal in the form in which this transport tells of errors. */
  readonly errorOf: (refusal: MtlsRefusal, requestId: string) => unknown;
  /** Ends the connection, what was answered before reaching the peer: its certificate is of no more use. */
  end: (refusal: MtlsRefusal) => void;
}

/** One message over a transport other than HTTP, in the shape in which the gate knows a request. */
export class TransportCall implements IdentifiedRequest {
  readonly id = callId();
  readonly is404 = false;
  readonly method: string;
  readonly url: string;
  readonly routeOptions: { readonly url: string | undefined };
  readonly raw: IdentifiedRequest['raw'];
  clientIdentity?: VerifiedClientIdentity;

  /** `route` is the pattern or method of a handler that exists: what a caller made up is in no log. */
  constructor(
    readonly connection: TransportConnection,
    route: string | undefined,
  ) {
    this.method = connection.transport;
    this.raw = connection.raw;
    this.routeOptions = { url: route };
    // Never a path: a pattern cannot be exempt because a path of that name is.
    this.url = `${connection.transport}:${route ?? ''}`;
  }

  errorOf(refusal: MtlsRefusal): unknown {
    return this.connection.errorOf(refusal, this.id);
  }
}

const randomPart = randomBytes(6).toString('hex');
let count = 0;

/** Names a call in the answer and in the log. */
export function callId(): string {
  return `${randomPart}-m${(++count).toString(36)}`;
}

const calls = new WeakMap<object, TransportCall>();

/** Lets {@link callOf} find a call by an object that the transport hands to the handler: a context, gRPC metadata, a client. */
export function rememberCall(key: object, call: TransportCall): void {
  calls.set(key, call);
}

/** The call behind a handler's arguments, undefined when no door of this room has seen it. */
export function callOf(args: readonly unknown[]): TransportCall | undefined {
  for (const argument of args) {
    if (typeof argument !== 'object' || argument === null) continue;
    const call = calls.get(argument);
    if (call) return call;
    // A gRPC stream that is handed over as it is has its metadata inside.
    if ('metadata' in argument && typeof argument.metadata === 'object' && argument.metadata !== null) {
      const inside = calls.get(argument.metadata);
      if (inside) return inside;
    }
  }
  return undefined;
}
