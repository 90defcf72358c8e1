import { Agent, Dispatcher, errors, type buildConnector } from 'undici';
import type { Generation } from './generation.js';
import type { DispatcherOptions, TlsClient } from './tls-client.js';
import { waitingRequest } from './waiting-request.js';

/**
 * A dispatcher whose connections are those of a {@link TlsClient}. Each generation has its own undici Agent; the previous one is closed once its
 * requests are answered, and requests that still wait there move on to the next.
 */
export class ClientDispatcher extends Dispatcher {
  #generation: Generation;
  #agent: Agent;
  /** Those of earlier generations, whose requests are not all answered. */
  readonly #earlier = new Set<Agent>();
  readonly #stopListening: () => void;
  #isClosed = false;
  /** Ends every connection, and those that are being made. */
  readonly #destroyed = new AbortController();

  constructor(
    private readonly client: TlsClient,
    private readonly options: DispatcherOptions,
  ) {
    super();
    this.#generation = client.generation;
    this.#agent = this.#newAgent();
    this.#stopListening = client.onChange(
      () => {
        this.#renew();
      },
      () => this.close(),
    );
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    // Reading the generation looks at the clock, which may itself reveal a change.
    if (this.client.generation !== this.#generation) this.#renew();
    const generation = this.#generation;
    const waiting = waitingRequest(handler, {
      isOver: () => this.client.generation !== generation,
      again: () => this.dispatch(options, handler),
    });
    return this.#agent.dispatch(options, waiting);
  }

  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | undefined {
    this.#end();
    const closed = Promise.all(
      [this.#agent, ...this.#earlier].filter((each) => !each.destroyed).map((each) => each.close()),
    );
    if (!callback) return closed.then(() => undefined);
    void closed.then(callback);
    return undefined;
  }

  override destroy(error: Error | null, callback: () => void): void;
  override destroy(callback: () => void): void;
  override destroy(error?: Error | null): Promise<void>;
  override destroy(first?: Error | null | (() => void), second?: () => void): Promise<void> | undefined {
    this.#end();
    const callback = typeof first === 'function' ? first : second;
    const error = typeof first === 'function' ? null : (first ?? null);
    const destroyed = this.#agent.destroy(error);
    // Agents of undici that were told to close cannot be destroyed any more.
    this.#destroyed.abort(error ?? new errors.ClientDestroyedError());
    if (!callback) return destroyed;
    void destroyed.then(callback);
    return undefined;
  }

  #end(): void {
    this.#isClosed = true;
    this.#stopListening();
  }

  #renew(): void {
    // A new agent would open again what was closed.
    if (this.#isClosed) return;
    const before = this.#agent;
    this.#generation = this.client.generation;
    this.#agent = this.#newAgent();
    this.#earlier.add(before);
    void before.close().then(() => this.#earlier.delete(before));
  }

  #newAgent(): Agent {
    const { peer, ...options } = this.options;
    const { autoSelectFamily, autoSelectFamilyAttemptTimeout } = options;
    const protocols = options.allowH2 ? ['h2', 'http/1.1'] : ['http/1.1'];
    const { signal } = this.#destroyed;
    const connect: buildConnector.connector = ({ protocol, hostname, port, servername, localAddress }, callback) => {
      if (protocol !== 'https:') {
        callback(new TypeError('a client with a certificate speaks https alone'), null);
        return;
      }
      this.client
        .connect({
          host: hostname.replace(/^\[|\]$/g, ''),
          port: Number(port || 443),
          servername: servername || undefined,
          peer,
          protocols,
          route: { localAddress: localAddress ?? undefined, autoSelectFamily, autoSelectFamilyAttemptTimeout },
          signal,
        })
        .then(
          ({ socket }) => {
            const end = (): void => {
              socket.destroy(signal.reason as Error);
            };
            signal.addEventListener('abort', end);
            socket.once('close', () => {
              signal.removeEventListener('abort', end);
            });
            callback(null, socket);
          },
          (error: unknown) => {
            callback(error as Error, null);
          },
        );
    };
    const agent = new Agent({ ...options, connect });
    for (const name of ['connect', 'disconnect', 'connectionError', 'drain'] as const)
      agent.on(name as 'drain', (...told: [URL]) => this.emit(name as 'drain', ...told));
    return agent;
  }
}
