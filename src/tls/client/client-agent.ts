import { Agent, type AgentOptions, type RequestOptions } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Generation } from './generation.js';
import type { TlsClient } from './tls-client.js';

type Created = (error: Error | null, stream: Duplex) => void;

/** How Node.js counts connections. */
interface Counted {
  readonly sockets: Record<string, Duplex[]>;
  totalSocketCount: number;
}

/** An `https.Agent` whose connections are those of a {@link TlsClient}; connections from before a change are never used again. */
export class ClientAgent extends Agent {
  readonly #generations = new WeakMap<object, Generation>();
  #stopListening: (() => void) | undefined;

  constructor(
    private readonly client: TlsClient,
    private readonly peer: string | undefined,
    options: AgentOptions,
  ) {
    super({ keepAlive: true, ...options });
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

  override createConnection(options: RequestOptions, callback?: Created): undefined {
    this.#listen();
    const { generation } = this.client;
    const attempt = new AbortController();
    const done = this.#count(options, attempt);
    this.client
      .connect({
        host: options.host ?? 'localhost',
        port: Number(options.port ?? 443),
        // Node.js takes it from the Host header; for an address there is none.
        servername: options.servername,
        peer: this.peer,
        protocols: ['http/1.1'],
        signal: attempt.signal,
      })
      .then(
        ({ socket }) => {
          done();
          this.#generations.set(socket, generation);
          callback?.(null, socket);
        },
        (error: unknown) => {
          done();
          // An error given to `callback` would be that of one request, and those that wait behind it would wait for ever.
          const failed = new Socket().on('error', () => undefined);
          this.#generations.set(failed, this.client.generation);
          callback?.(null, failed);
          failed.destroy(attempt.signal.aborted ? undefined : (error as Error));
        },
      );
    return undefined;
  }

  /**
   * Node.js counts a connection only once it is there: until then another socket stands for it, so that `maxSockets` holds and {@link destroy} ends
   * the attempt. The returned function takes it away again.
   */
  #count(options: RequestOptions, attempt: AbortController): () => void {
    const counted = this as unknown as Counted;
    const name = super.getName(options);
    const standIn = new Socket().once('close', () => {
      attempt.abort();
    });
    (counted.sockets[name] ??= []).push(standIn);
    counted.totalSocketCount++;
    return () => {
      counted.sockets[name] = (counted.sockets[name] ?? []).filter((socket) => socket !== standIn);
      counted.totalSocketCount--;
    };
  }

  override destroy(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
    super.destroy();
  }
}
