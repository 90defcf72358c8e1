import { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';

const AGAIN_MS = 1_000;

/** What a {@link PostgresListener} does with what it hears. */
export interface Hearing {
  /** The channel of `NOTIFY`. */
  readonly channel: string;
  /** Called with each message of another connection, and with none whenever it begins to listen: what was told before was missed. */
  readonly hear: (message?: string) => void;
}

/**
 * Hears what other nodes tell on a channel, and tells them, on a connection of its own that does not keep the process alive. One that is lost is made
 * again, for as long as it takes.
 */
export class PostgresListener {
  readonly #config: pg.ClientConfig;
  readonly #hearing: Hearing;
  readonly #closing = new AbortController();
  #client: pg.Client | undefined;
  #isListening = false;

  constructor(config: pg.ClientConfig, hearing: Hearing) {
    this.#config = config;
    this.#hearing = hearing;
    void this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const socket = new Socket().unref();
      const client = new pg.Client({ ...this.#config, stream: () => socket });
      this.#client = client;
      try {
        await this.#listen(client);
      } catch {
        this.#isListening = false;
        await client.end().catch(() => undefined);
      }
      await setTimeout(AGAIN_MS, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  /** Returns when the connection has ended. Throws when it cannot be made. */
  async #listen(client: pg.Client): Promise<void> {
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    client.on('error', () => undefined);
    const { channel, hear } = this.#hearing;
    await client.connect();
    const { rows } = await client.query<{ own: number }>('select pg_backend_pid() as own');
    client.on('notification', ({ processId, payload }) => {
      if (processId !== rows[0]?.own) hear(payload);
    });
    await client.query(`listen ${client.escapeIdentifier(channel)}`);
    hear();
    this.#isListening = true;
    await ended;
    this.#isListening = false;
  }

  /** Tells the others, each message at most 7999 octets. What cannot be told now is not told. Never rejects. */
  async tell(messages: readonly string[]): Promise<void> {
    if (!this.#isListening) return;
    const told = 'select pg_notify($1, message) from unnest($2::text[]) as message';
    await this.#client?.query(told, [this.#hearing.channel, messages]).catch(() => undefined);
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client?.end().catch(() => undefined);
  }
}
