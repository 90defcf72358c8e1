import type { Agent, AgentOptions } from 'node:https';
import type { ConnectionOptions, DetailedPeerCertificate, PeerCertificate } from 'node:tls';
import type { Agent as UndiciAgent, Dispatcher, RequestInfo, RequestInit, Response } from 'undici';
import type { RevocationOptions } from '../../revocation/index.js';
import { MaterialWatch, type TlsReloadEvent } from '../material-watch.js';
import { reporter } from '../reporter.js';
import { readTlsMaterial, type TlsFiles, type TlsMaterial } from '../tls-material.js';
import { checkTlsSettings, DEFAULT_TLS_SETTINGS, type TlsSettings } from '../tls-settings.js';
import { ClientAgent } from './client-agent.js';
import {
  beginConnection,
  connectTo,
  type ConnectionAttempt,
  type ConnectOptions,
  type ConnectTarget,
  type ServerConnection,
} from './connect.js';
import { expectedPeer } from './expected-peer.js';
import { generationOf, type Generation } from './generation.js';
import { certificatesOfLegacy } from './sent-certificates.js';
import { ServerRevocation, type ServerRevocationEvent } from './server-revocation.js';

/** What a client reports: new material, files that cannot be used, and news about revocation where that is checked. */
export type TlsClientEvent = TlsReloadEvent | ServerRevocationEvent;

/** Options of {@link openTlsClient}. `caFile` holds the CAs that servers must lead to; no others are trusted. */
export interface TlsClientOptions extends Omit<TlsFiles, 'intermediatesFile'> {
  readonly caFile: string;
  /** By default the service's own defaults. */
  readonly settings?: TlsSettings;
  /** Milliseconds between two looks at the files. Default 1000. */
  readonly reloadInterval?: number;
  /** Milliseconds from the start of a connection to the end of its handshake. Default 10 000. */
  readonly handshakeTimeout?: number;
  /**
   * How revoked servers are found; not checked when absent. Under `hard-fail`, the default, a server is not connected to when its list is missing or
   * out of date.
   */
  readonly revocation?: RevocationOptions;
  readonly clock?: () => Date;
  readonly report?: (event: TlsClientEvent) => void;
}

/** The expected server, when it is not simply the host of the address: a SPIFFE ID, another DNS name, or an IP address. */
export interface PeerOptions {
  readonly peer?: string;
}

/** Options of `tls.connect` that make it check the server. */
export type TlsConnectionOptions = ConnectionOptions & {
  /**
   * For `https.Agent`, undici and others that keep sessions by themselves. When a session is resumed, Node.js does not check who the server is, nor
   * whether it was revoked since.
   */
  maxCachedSessions: 0;
  checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
};

/** The options of undici's Agent that are not about TLS. */
export type DispatcherOptions = PeerOptions & Omit<UndiciAgent.Options, 'connect' | 'factory'>;

/**
 * Reads the files and gives a client that keeps up with them. Throws {@link TlsSetupError}, as {@link readTlsMaterial}, and when `caFile` holds no
 * root; RangeError for a time that no timer can wait for.
 */
export async function openTlsClient(options: TlsClientOptions): Promise<TlsClient> {
  const { settings = DEFAULT_TLS_SETTINGS, clock = () => new Date() } = options;
  checkTlsSettings(settings);
  checkTimes({ ...options, ...options.revocation });
  const client = new TlsClient(await readTlsMaterial(options, clock()), { ...options, settings, clock });
  await client.start();
  return client;
}

/**
 * Calls other services in the name of a service: presents its certificate, and talks only to servers that prove to be the expected ones. Made by
 * {@link openTlsClient}.
 *
 * New files are taken up while it runs: new connections present the new certificate, idle connections are closed, and busy ones are closed when they
 * are done. The same happens when the certificate of a server on a connection expires or is revoked. Connections are pooled and sessions resumed, for
 * as long as nothing changes.
 */
export class TlsClient {
  readonly #watch: MaterialWatch;
  readonly #settings: TlsSettings;
  readonly #revocation: ServerRevocation | undefined;
  readonly #clock: () => Date;
  readonly #handshakeTimeout: number;
  /** Those who are told of changes, each with what ends it when this client is closed. */
  readonly #listeners = new Map<() => void, () => unknown>();
  readonly #interval: number;
  #generation: Generation;
  #ticking: NodeJS.Timeout | undefined;
  #ownDispatcher: Promise<Dispatcher> | undefined;
  #isClosed = false;

  constructor(
    material: TlsMaterial,
    {
      settings,
      clock,
      reloadInterval: interval = 1000,
      handshakeTimeout = 10_000,
      report: tell = () => undefined,
      revocation,
      ...files
    }: Required<Pick<TlsClientOptions, 'settings' | 'clock'>> & TlsClientOptions,
  ) {
    const report = reporter(tell);
    this.#settings = settings;
    this.#clock = clock;
    this.#handshakeTimeout = handshakeTimeout;
    this.#interval = interval;
    const authorities = () => [...this.#generation.trust.anchors, ...this.#generation.trust.intermediates];
    this.#revocation = revocation && new ServerRevocation(revocation, { authorities, clock, report });
    this.#generation = generationOf(settings, material, this.#revocation);
    const check = (fresh: TlsMaterial): void => {
      // Throws for a CA file without a CA to trust.
      generationOf(settings, fresh);
    };
    this.#watch = new MaterialWatch(files, material, { interval, clock, report, check }, (fresh) => {
      this.#replace(fresh);
    });
  }

  /** Reads the revocation lists, where there are any, and keeps looking at them and at the files. Called by {@link openTlsClient}. Never fails. */
  async start(): Promise<void> {
    this.#watch.start();
    this.#ticking = setInterval(() => {
      this.look();
    }, this.#interval).unref();
    await this.#revocation?.start();
  }

  /** The certificate, key and CAs in use. */
  get material(): TlsMaterial {
    return this.#watch.material;
  }

  /**
   * What the connections made now have in common. It is another object once the files have changed, or a server's certificate has expired or was
   * revoked.
   */
  get generation(): Generation {
    this.look();
    return this.#generation;
  }

  /** Checks the clock and the lists now. */
  look(): void {
    if (!this.#generation.isCurrent(this.#clock())) this.#replace(this.material);
  }

  /** Looks at the files now, as a renewal agent wants after a renewal. Never fails. */
  reload(): Promise<void> {
    return this.#watch.reload();
  }

  /** Opens one connection, given once the server has proven to be the expected one. Throws {@link PeerRefusedError}, and network errors. */
  async connect(target: ConnectTarget): Promise<ServerConnection> {
    const { generation } = this;
    const connection = await connectTo(generation, target, this.#connecting);
    if (this.generation === generation) return connection;
    // In the handshake files were taken up: a CA may be trusted no more.
    connection.socket.destroy();
    return this.connect(target);
  }

  /**
   * As {@link connect}, for {@link ClientAgent}: the socket at once. The server is judged by what is trusted when it is known, and a certificate that was
   * taken up in the handshake is presented by the next connection.
   */
  begin(target: ConnectTarget): ConnectionAttempt {
    this.checkOpen();
    return beginConnection(this.generation, target, { ...this.#connecting, judge: () => this.generation });
  }

  get #connecting(): ConnectOptions {
    return { clock: this.#clock, handshakeTimeout: this.#handshakeTimeout };
  }

  /**
   * For `node:https`, axios, got and whatever else takes an agent. Connections are kept alive unless `options` say otherwise. Throws RangeError for a
   * `peer` that is a URI, and not the SPIFFE ID of a service.
   */
  agent({ peer, ...options }: PeerOptions & AgentOptions = {}): Agent {
    return new ClientAgent(this, peer, options);
  }

  /**
   * A dispatcher for undici: `request(url, { dispatcher })`. It is made by this package's version of undici, so use the `fetch` of that version, or
   * {@link fetch}. Throws as {@link checkOpen}.
   */
  async dispatcher(options: DispatcherOptions = {}): Promise<Dispatcher> {
    // Loaded when it is used: a service that calls nobody starts without it.
    const { ClientDispatcher } = await import('./client-dispatcher.js');
    this.checkOpen();
    return new ClientDispatcher(this, options);
  }

  /**
   * The `fetch` of undici over this client's connections. For a server that is known by its SPIFFE ID make a {@link dispatcher} with `peer`, and pass
   * it as `dispatcher`.
   */
  async fetch(input: RequestInfo | globalThis.Request, init: RequestInit = {}): Promise<Response> {
    const { fetch, Request } = await import('undici');
    const dispatcher = init.dispatcher ?? (await (this.#ownDispatcher ??= this.dispatcher()));
    // The Request that is global in Node.js is of another copy of undici, which this one takes for a text.
    const asked = input instanceof globalThis.Request ? new Request(input.url, input as unknown as RequestInit) : input;
    return fetch(asked, { ...init, dispatcher });
  }

  /**
   * Options of `tls.connect` for whatever opens its own connections, such as Nest's `Transport.TCP` (`tlsOptions`) or a database driver. Both OpenSSL
   * and we must accept the server. Each copy of the options, as `{ ...options }` makes one, presents the certificate of that moment.
   */
  connectionOptions({ peer }: PeerOptions = {}): TlsConnectionOptions {
    const secureContext = () => this.generation.context;
    return {
      rejectUnauthorized: true,
      maxCachedSessions: 0,
      get secureContext() {
        return secureContext();
      },
      checkServerIdentity: (host, certificate) => this.#refusalOf(peer ?? host, certificate),
    };
  }

  /**
   * Calls `listener` for each change of {@link generation}, and `end` when the client is closed by {@link close}. The returned function ends both.
   */
  onChange(listener: () => void, end: () => unknown = () => undefined): () => void {
    this.#listeners.set(listener, end);
    return () => this.#listeners.delete(listener);
  }

  /** Throws Error once this client is closed: nobody looks any more whether its certificate is the one in the files. */
  checkOpen(): void {
    if (this.#isClosed) throw new Error('the TLS client is closed');
  }

  /**
   * Stops looking at the files, and ends every agent, dispatcher and gRPC channel for good. Idle connections are closed, and busy ones of dispatchers
   * and channels when they are done.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watch.stop();
    clearInterval(this.#ticking);
    this.#revocation?.stop();
    await Promise.all([...this.#listeners.values()].map((end) => end()));
  }

  #replace(material: TlsMaterial): void {
    this.#generation = generationOf(this.#settings, material, this.#revocation);
    for (const listener of this.#listeners.keys()) listener();
  }

  #refusalOf(peer: string, certificate: PeerCertificate): Error | undefined {
    try {
      const { generation } = this;
      const sent = certificatesOfLegacy(certificate as DetailedPeerCertificate);
      const time = this.#clock();
      generation.serverOf(sent, expectedPeer(peer), time);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }
}

const TIMES = ['reloadInterval', 'handshakeTimeout', 'refreshInterval'] as const;

/** A timer takes what is no number, and what is too large a one, for a millisecond. */
function checkTimes(options: Partial<Record<(typeof TIMES)[number], number>>): void {
  for (const name of TIMES) {
    const { [name]: time = 1 } = options;
    if (!(time > 0 && time < 2 ** 31))
      throw new RangeError(`${name} is no number of milliseconds from 1 to ${2 ** 31 - 1}: ${time}`);
  }
}
