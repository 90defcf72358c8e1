import { Agent, type AgentOptions, type RequestOptions } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Route } from './connect.js';
import { expectedPeer } from './expected-peer.js';
import type { Generation } from './generation.js';
import type { TlsClient } from './tls-client.js';

/** An `https.Agent` whose connections are those of a {@link TlsClient}; connections from before a change are never used again. */
export class ClientAgent extends Agent {
  readonly #generations = new WeakMap<object, Generation>();
  #stopListening: (() => void) | undefined;

  /** Throws RangeError as {@link expectedPeer}. */
  constructor(
    private readonly client: TlsClient,
    private readonly peer: string | undefined,
    options: AgentOptions,
  ) {
    super({ keepAlive: true, ...options });
    // At a request that has waited nobody would be there to catch it.
    if (peer !== undefined) expectedPeer(peer);
    // Runs before Node.js hands a connection that is free to the next request, or keeps it.
    this.prependListener('free', (socket: Duplex) => {
      if (this.#generations.get(socket) !== client.generation) socket.destroy();
    });
  }

  /** From the first connection on. A destroyed agent can be used again, and then listens again from its next connection on. */
  #listen(): void {
    this.#stopListening ??= this.client.onChange(
      () => {
        for (const socket of Object.values(this.freeSockets).flat()) socket?.destroy();
      },
      () => {
        this.destroy();
      },
    );
  }

  /** Node.js calls this before it looks among the idle connections, which are closed when something has changed. */
  override getName(options?: RequestOptions): string {
    this.client.look();
    return super.getName(options);
  }

  override createConnection(options: RequestOptions): Socket {
    this.#listen();
    const { generation } = this.client;
    const socket = this.#begin(options);
    this.#generations.set(socket, generation);
    if (options.timeout !== undefined) socket.setTimeout(options.timeout);
    return socket;
  }

  /** A socket in any case: what is thrown for a request that has waited would end the process. */
  #begin(options: RequestOptions): Socket {
    try {
      return this.#connect(options);
    } catch (error) {
      const failed = new Socket();
      // Its error comes when the request listens, and nothing is written to it before.
      process.nextTick(() => failed.destroy(error as Error));
      return failed;
    }
  }

  #connect(options: RequestOptions & Route): TLSSocket {
    const { lookup, hints, family, localAddress, localPort, autoSelectFamily, autoSelectFamilyAttemptTimeout } =
      options;
    const { socket, connected } = this.client.begin({
      host: options.host ?? 'localhost',
      port: Number(options.port ?? 443),
      // Node.js takes it from the Host header; for an address there is none.
      servername: options.servername,
      peer: this.peer,
      protocols: ['http/1.1'],
      route: { lookup, hints, family, localAddress, localPort, autoSelectFamily, autoSelectFamilyAttemptTimeout },
    });
    // Told to the socket as well, which Node.js listens to.
    connected.catch(() => undefined);
    return socket;
  }

  override destroy(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
    super.destroy();
  }
}
