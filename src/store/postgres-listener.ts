import { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { CHANGES } from './postgres-dialect.js';

const AGAIN_MS = 1_000;

/**
 * Hears of what other nodes committed, on a connection of its own that does not keep the process alive. One that is lost is made again, for as long as
 * it takes; what was told meanwhile is made up for by telling once.
 */
export class PostgresListener {
  readonly #config: pg.ClientConfig;
  readonly #onChange: () => void;
  readonly #closing = new AbortController();
  #client: pg.Client | undefined;

  constructor(config: pg.ClientConfig, onChange: () => void) {
    this.#config = config;
    this.#onChange = onChange;
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
        await client.end().catch(() => undefined);
      }
      await setTimeout(AGAIN_MS, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  /** Returns when the connection has ended. Throws when it cannot be made. */
  async #listen(client: pg.Client): Promise<void> {
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    client.on('error', () => undefined);
    client.on('notification', this.#onChange);
    await client.connect();
    await client.query(`listen ${CHANGES}`);
    this.#onChange();
    await ended;
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client?.end().catch(() => undefined);
  }
}
