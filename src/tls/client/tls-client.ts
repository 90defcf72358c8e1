import type { Agent, AgentOptions } from 'node:https';
import type { ConnectionOptions, DetailedPeerCertificate, PeerCertificate } from 'node:tls';
import type { Agent as UndiciAgent, Dispatcher, RequestInfo, RequestInit, Response } from 'undici';
import type { RevocationOptions } from '../../revocation/index.js';
import { MaterialWatch, type TlsReloadEvent } from '../material-watch.js';
import { readTlsMaterial, type TlsFiles, type TlsMaterial } from '../tls-material.js';
import { checkTlsSettings, DEFAULT_TLS_SETTINGS, type TlsSettings } from '../tls-settings.js';
import { ClientAgent } from './client-agent.js';
import { connectTo, type ConnectTarget, type ServerConnection } from './connect.js';
import { expectedPeer } from './expected-peer.js';
import { generationOf, type Generation } from './generation.js';
import { certificatesOfLegacy } from './sent-certificates.js';
import { ServerRevocation, type ServerRevocationEvent } from './server-revocation.js';

/** What a client tells of: new material, or files that cannot be used; and of revocation, where that is looked at. */
export type TlsClientEvent = TlsReloadEvent | ServerRevocationEvent;

/** Options of {@link openTlsClient}: `caFile` holds the CAs that servers must lead to, and no others are trusted. */
export interface TlsClientOptions extends Omit<TlsFiles, 'intermediatesFile'> {
  readonly caFile: string;
  /** By default those of the service. */
  readonly settings?: TlsSettings;
  /** Milliseconds between two looks at the files. Default 1000. */
  readonly reloadInterval?: number;
  /** Milliseconds from the beginning of a connection to the end of its handshake. Default 10 000. */
  readonly handshakeTimeout?: number;
  /** By what it is known which servers were revoked; not asked when absent. Under `hard-fail`, the default, nobody is connected to whose list is missing or over. */
  readonly revocation?: RevocationOptions;
  readonly clock?: () => Date;
  readonly report?: (event: TlsClientEvent) => void;
}

/** Whom the far end of a connection must be, when it is not simply the host of the address: a SPIFFE ID, another DNS name, or an IP address. */
export interface PeerOptions {
  readonly peer?: string;
}

/** Options of `tls.connect` by which a server is checked. */
export type TlsConnectionOptions = ConnectionOptions & {
  /** For what keeps sessions by itself, as `https.Agent` and undici do: with a resumed one Node.js asks nobody who the server is, nor whether it was revoked since. */
  maxCachedSessions: 0;
  checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
};

/** The options of undici's Agent that are not about TLS. */
export type DispatcherOptions = PeerOptions & Omit<UndiciAgent.Options, 'connect' | 'factory'>;

/** Reads the files and gives a client that keeps up with them. Throws {@link TlsSetupError}, as {@link readTlsMaterial} and when `caFile` holds no root. */
export async function openTlsClient(options: TlsClientOptions): Promise<TlsClient> {
  const { settings = DEFAULT_TLS_SETTINGS, clock = () => new Date() } = options;
  checkTlsSettings(settings);
  const client = new TlsClient(await readTlsMaterial(options, clock()), { ...options, settings, clock });
  await client.start();
  return client;
}

/**
 * Calls others in the name of a service: presents its certificate, and talks to nobody but who was meant. Made by {@link openTlsClient}.
 *
 * New files are taken up while it runs: new connections present the new certificate, idle ones from before are closed, and those that are busy when they are done.
 * The same happens when a server's certificate comes to its end on a connection, or was revoked. Connections are pooled and sessions resumed, within one certificate.
 */
export class TlsClient {
  readonly #watch: MaterialWatch;
  readonly #settings: TlsSettings;
  readonly #revocation: ServerRevocation | undefined;
  readonly #clock: () => Date;
  readonly #handshakeTimeout: number;
  /** Who hears of changes, with what ends it when this ends. */
  readonly #listeners = new Map<() => void, () => unknown>();
  readonly #interval: number;
  #generation: Generation;
  #ticking: NodeJS.Timeout | undefined;
  #ownDispatcher: Promise<Dispatcher> | undefined;

  constructor(
    material: TlsMaterial,
    {
      settings,
      clock,
      reloadInterval: interval = 1000,
      handshakeTimeout = 10_000,
      report = () => undefined,
      revocation,
      ...files
    }: Required<Pick<TlsClientOptions, 'settings' | 'clock'>> & TlsClientOptions,
  ) {
    this.#settings = settings;
    this.#clock = clock;
    this.#handshakeTimeout = handshakeTimeout;
    this.#interval = interval;
    const authorities = () => [...this.#generation.trust.anchors, ...this.#generation.trust.intermediates];
    this.#revocation = revocation && new ServerRevocation(revocation, { authorities, clock, report });
    this.#generation = generationOf(settings, material, this.#revocation);
    const check = (fresh: TlsMaterial): void => {
      // Throws for a CA file that cannot be trusted by.
      generationOf(settings, fresh);
    };
    this.#watch = new MaterialWatch(files, material, { interval, clock, report, check }, (fresh) => {
      this.#replace(fresh);
    });
  }

  /** Reads the revocation lists, where there are any, and keeps looking at them and at the files; called by {@link openTlsClient}. Never fails. */
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

  /** What connections of now have in common: another object once the files changed, or a server's certificate came to its end or was revoked. */
  get generation(): Generation {
    this.look();
    return this.#generation;
  }

  /** Looks at the clock and the lists now. */
  look(): void {
    if (!this.#generation.isCurrent(this.#clock())) this.#replace(this.material);
  }

  /** Looks at the files now, as a renewal agent asks for. Never fails. */
  reload(): Promise<void> {
    return this.#watch.reload();
  }

  /** One connection, given once the server is known to be who was meant. Throws {@link PeerRefusedError}, or what the network says. */
  connect(target: ConnectTarget): Promise<ServerConnection> {
    return connectTo(this.generation, target, { clock: this.#clock, handshakeTimeout: this.#handshakeTimeout });
  }

  /** For `node:https`, axios, got and whatever else takes an agent. Connections are kept alive unless `options` say otherwise. */
  agent({ peer, ...options }: PeerOptions & AgentOptions = {}): Agent {
    return new ClientAgent(this, peer, options);
  }

  /** A dispatcher for undici: `request(url, { dispatcher })`. Of this package's version of undici, so use its `fetch`, or {@link fetch}. */
  async dispatcher(options: DispatcherOptions = {}): Promise<Dispatcher> {
    // Loaded when it is used: a service that calls nobody starts without it.
    const { ClientDispatcher } = await import('./client-dispatcher.js');
    return new ClientDispatcher(this, options);
  }

  /** `fetch` of undici over connections of this client. For a server that is known by its SPIFFE ID make a {@link dispatcher} with `peer`, and give it as `dispatcher`. */
  async fetch(input: RequestInfo, init: RequestInit = {}): Promise<Response> {
    const { fetch } = await import('undici');
    const dispatcher = await (this.#ownDispatcher ??= this.dispatcher());
    return fetch(input, { dispatcher, ...init });
  }

  /**
   * Options of `tls.connect` for what opens connections by itself, such as Nest's `Transport.TCP` (`tlsOptions`) or a database driver. Both OpenSSL and we must
   * accept the server. Each copy, as `{ ...options }` makes one, presents the certificate of that moment.
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

  /** Has `listener` hear of each change of {@link generation}, and `end` called by {@link close}; the function returned ends both. */
  onChange(listener: () => void, end: () => unknown = () => undefined): () => void {
    this.#listeners.set(listener, end);
    return () => this.#listeners.delete(listener);
  }

  /** Stops looking at the files; idle connections are closed, and those of dispatchers that are busy when they are done. */
  async close(): Promise<void> {
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
