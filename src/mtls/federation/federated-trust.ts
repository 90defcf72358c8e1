import { setTimeout as sleep } from 'node:timers/promises';
import type { RevocationMode } from '../../revocation/index.js';
import { isTrustDomain, trustDomainOf, type Certificate } from '../../x509/index.js';
import { readCertificates, type CaCertificates, type CurrentTrust, type TrustAnchors } from '../trust-anchors.js';
import { checkEndpoint } from './bundle-endpoint.js';
import { markOf, readBundle, type BundleEndpoint, type BundleSource } from './bundle-source.js';
import { FILE_INTERVAL_MS, isOverdue, LEAST_MS, nextBundleLook } from './bundle-schedule.js';
import { FollowedIntermediates, type IntermediatesSource } from './followed-intermediates.js';
import { BundleError, decodeSpiffeBundle, type SpiffeBundle } from './spiffe-bundle.js';

/** Another trust domain, whose services may be let in by their SPIFFE IDs. */
export interface FederatedDomain extends BundleSource, IntermediatesSource {
  /** The name of the trust domain. */
  readonly name: string;
  /**
   * The SPIFFE ID of the server of the URL. The server is then verified by the bundle of that ID's trust domain (this domain, our own, or another one
   * that is listed here), and not as on the web.
   */
  readonly endpointSpiffeId?: string | undefined;
  /** Needed where that ID belongs to this very domain: the bundle by which its server is known until one was read from it, a JWK set or PEM. */
  readonly endpointBundle?: string | Uint8Array | undefined;
  /** As `MtlsOptions.presentedIntermediates`, for its certificates: a SPIRE under another authority has CAs that change daily and come with each SVID. */
  readonly presentedIntermediates?: boolean | undefined;
  /** The mode of revocation for its certificates, instead of `MtlsOptions.revocation.mode`. */
  readonly revocation?: RevocationMode | undefined;
}

/** What happened to the bundle of a trust domain, or to its file of intermediates; for the log. */
export type BundleEvent =
  | {
      readonly kind: 'loaded';
      readonly trustDomain: string;
      readonly source: string;
      readonly certificates: number;
      readonly sequence: number | undefined;
    }
  | { readonly kind: 'failed'; readonly trustDomain: string; readonly source: string; readonly why: string }
  /** It could not be read for so long that it may be wrong, or could again. */
  | {
      readonly kind: 'stale' | 'current';
      readonly trustDomain: string;
      readonly source: string;
      readonly readAt: Date;
    };

/** The state of the bundle of a trust domain. */
export interface BundleStanding {
  readonly trustDomain: string;
  /** When it was last read without a fault. Undefined: never, so that nobody of the domain is let in. */
  readonly readAt: Date | undefined;
  /** Whether it has not been read for three intervals, and for a minute. */
  readonly isStale: boolean;
}

/** The state of a domain between two readings of its bundle. */
interface DomainState {
  readonly domain: FederatedDomain;
  readonly intermediates: FollowedIntermediates;
  intermediatesFailure: string | undefined;
  /** The bundle by which its own server is known at first. */
  readonly first: SpiffeBundle | undefined;
  bundle: SpiffeBundle | undefined;
  readAt: Date | undefined;
  isStale: boolean;
  mark: string | undefined;
  failure: string | undefined;
  /** How many times in a row it could not be read. */
  failures: number;
}

/** How long a start waits for bundles: as long as for lists, and not for a server that sends a little now and then. */
const START_MS = 10_000;

/**
 * The trust in our own CAs and in other trust domains, each kept apart. A bundle that cannot be had or read, or is older than the one in use, never
 * replaces it: the last good one stays, whole. A domain that has no bundle yet lets nobody in.
 */
export class FederatedTrust {
  readonly #domains: readonly DomainState[];
  readonly #timers = new Map<DomainState | FollowedIntermediates, NodeJS.Timeout>();
  #own: TrustAnchors | undefined;
  #joined: TrustAnchors | undefined;
  readonly #clock: () => Date;
  readonly #closing = new AbortController();

  /** Throws RangeError for a malformed or repeated name, or for a server that could never be known; BundleError for an option that cannot be read. */
  constructor(
    private readonly own: CurrentTrust,
    private readonly options: {
      readonly trustDomain: string | undefined;
      /** See `MtlsOptions.presentedIntermediates`. */
      readonly presentedIntermediates?: boolean | undefined;
      readonly domains: readonly FederatedDomain[];
      readonly report: (event: BundleEvent) => void;
      readonly clock?: (() => Date) | undefined;
      /** The shortest time between two fetches of a URL, in milliseconds. */
      readonly least?: number;
      /** How long {@link FederatedTrust.start} waits, in milliseconds. */
      readonly startWait?: number;
    },
  ) {
    const { trustDomain, domains } = options;
    const names = [...(trustDomain === undefined ? [] : [trustDomain]), ...domains.map(({ name }) => name)];
    for (const name of names)
      if (!isTrustDomain(name)) throw new RangeError(`${JSON.stringify(name)} is not the name of a trust domain`);
    if (new Set(names).size < names.length) throw new RangeError('a trust domain is named twice');
    for (const domain of domains) {
      checkEndpoint(domain, names);
      readOption('ca', domain, ({ ca }) => ca && readCertificates(ca));
    }
    this.#clock = options.clock ?? (() => new Date());
    this.#domains = domains.map((domain) => ({
      domain,
      intermediates: readOption('intermediates', domain, () => new FollowedIntermediates(domain)),
      intermediatesFailure: undefined,
      first: readOption('endpointBundle', domain, ({ endpointBundle }) =>
        endpointBundle === undefined ? undefined : decodeSpiffeBundle(Buffer.from(endpointBundle)),
      ),
      bundle: undefined,
      readAt: undefined,
      isStale: false,
      mark: undefined,
      failure: undefined,
      failures: 0,
    }));
  }

  /** The trust in force: another object whenever any of it has changed. */
  readonly current: CurrentTrust = () => {
    const own = this.own();
    if (this.#joined === undefined || this.#own !== own) {
      this.#own = own;
      this.#joined = this.#join(own);
    }
    return this.#joined;
  };

  /**
   * Reads every bundle, and every file of intermediates, once, and then again and again. Never fails: what cannot be read is reported, and its domain
   * stays closed, as does a domain whose bundle is not there after ten seconds, for which the start does not wait.
   */
  async start(): Promise<void> {
    const wait = this.options.startWait ?? START_MS;
    await Promise.race([this.#readAll(), sleep(wait, undefined, { ref: false })]);
    const why = `it is not there after ${wait} ms: the start goes on, and nobody of the domain is let in until it is`;
    for (const { domain, readAt, failure } of this.#domains)
      if (readAt === undefined && failure === undefined && !this.#isStopped)
        this.options.report({ kind: 'failed', trustDomain: domain.name, source: domain.bundle, why });
  }

  async #readAll(): Promise<void> {
    await Promise.all(this.#domains.map((loaded) => this.#followIntermediates(loaded)));
    // The bundles by which the servers of others are known come first.
    for (const isServed of [false, true]) {
      const now = this.#domains.filter((loaded) => this.#isServedByAnother(loaded) === isServed);
      await Promise.all(now.map((loaded) => this.#refreshAndAgain(loaded)));
    }
  }

  /** The state of each bundle now. */
  get standing(): readonly BundleStanding[] {
    const now = this.#clock();
    return this.#domains.map((loaded) => ({
      trustDomain: loaded.domain.name,
      readAt: loaded.readAt,
      isStale: isStale(loaded, now),
    }));
  }

  stop(): void {
    this.#closing.abort(new Error('the trust of other domains is not kept any more'));
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  get #isStopped(): boolean {
    return this.#closing.signal.aborted;
  }

  #join(own: TrustAnchors): TrustAnchors {
    const { trustDomain, presentedIntermediates } = this.options;
    const joined = { ...own, trustDomain, presentedIntermediates };
    if (this.#domains.length === 0) return Object.freeze(joined);
    const federated = new Map(
      this.#domains.map(({ domain, bundle, intermediates }) => [
        domain.name,
        Object.freeze({
          ...anchorsIn(bundle?.certificates ?? [], intermediates.certificates),
          presentedIntermediates: domain.presentedIntermediates,
          revocation: domain.revocation,
        }),
      ]),
    );
    return Object.freeze({ ...joined, federated });
  }

  async #refreshAndAgain(loaded: DomainState): Promise<void> {
    await this.#refresh(loaded);
    if (this.#isStopped) return;
    const delay = nextBundleLook(
      { source: loaded.domain.bundle, failures: loaded.failures, hint: loaded.bundle?.refreshHint },
      { least: this.options.least ?? LEAST_MS, random: Math.random() },
    );
    this.#timers.set(loaded, setTimeout(() => void this.#refreshAndAgain(loaded), delay).unref());
  }

  async #followIntermediates(loaded: DomainState): Promise<void> {
    const { intermediates, domain } = loaded;
    const { file: source } = intermediates;
    if (source === undefined) return;
    const trustDomain = domain.name;
    try {
      const isChanged = await intermediates.read();
      loaded.intermediatesFailure = undefined;
      if (isChanged) {
        this.#joined = undefined;
        const certificates = intermediates.certificates.length;
        this.options.report({ kind: 'loaded', trustDomain, source, certificates, sequence: undefined });
      }
    } catch (error) {
      const why = whyOf(error);
      if (why !== loaded.intermediatesFailure) this.options.report({ kind: 'failed', trustDomain, source, why });
      loaded.intermediatesFailure = why;
    }
    if (this.#isStopped) return;
    this.#timers.set(intermediates, setTimeout(() => void this.#followIntermediates(loaded), FILE_INTERVAL_MS).unref());
  }

  async #refresh(loaded: DomainState): Promise<void> {
    const { name: trustDomain, bundle: source } = loaded.domain;
    try {
      const { signal } = this.#closing;
      signal.throwIfAborted();
      const how = { clock: this.#clock, endpoint: this.#endpointOf(loaded), signal };
      const octets = await readBundle(loaded.domain, how);
      const mark = markOf(octets);
      if (mark !== loaded.mark) this.#take(loaded, decodeSpiffeBundle(octets), mark);
      loaded.failure = undefined;
      loaded.failures = 0;
      loaded.readAt = this.#clock();
    } catch (error) {
      if (this.#isStopped) return;
      const why = whyOf(error);
      if (why !== loaded.failure) this.options.report({ kind: 'failed', trustDomain, source, why });
      loaded.failure = why;
      loaded.failures++;
    }
    this.#tellStale(loaded);
  }

  #tellStale(loaded: DomainState): void {
    const { name: trustDomain, bundle: source } = loaded.domain;
    const { readAt, isStale: was } = loaded;
    if (readAt === undefined) return;
    loaded.isStale = isStale(loaded, this.#clock());
    if (loaded.isStale !== was)
      this.options.report({ kind: loaded.isStale ? 'stale' : 'current', trustDomain, source, readAt });
  }

  #isServedByAnother({ domain: { name, endpointSpiffeId } }: DomainState): boolean {
    return (
      endpointSpiffeId !== undefined && ![name, this.options.trustDomain].includes(trustDomainOf(endpointSpiffeId))
    );
  }

  /** The server is verified by the latest bundle of its own trust domain (SPIFFE Federation §5.2.2.4). */
  #endpointOf({ domain: { name, endpointSpiffeId: spiffeId }, first }: DomainState): BundleEndpoint | undefined {
    if (spiffeId === undefined) return undefined;
    const of = trustDomainOf(spiffeId);
    if (of === this.options.trustDomain) return { spiffeId, trust: this.own() };
    const serving = this.#domains.find(({ domain }) => domain.name === of);
    const bundle = serving?.bundle ?? (of === name ? first : undefined);
    if (!serving || !bundle)
      throw new BundleError(`the bundle of ${of}, by which its server is known, was not read yet`);
    return { spiffeId, trust: anchorsIn(bundle.certificates, serving.intermediates.certificates) };
  }

  #take(loaded: DomainState, bundle: SpiffeBundle, mark: string): void {
    const { name: trustDomain, bundle: source } = loaded.domain;
    const [sequence, inUse] = [bundle.sequence, (loaded.bundle ?? loaded.first)?.sequence];
    if (inUse !== undefined && (sequence === undefined || sequence < inUse))
      throw new BundleError(`its sequence ${sequence ?? '(none)'} is older than ${inUse}, which is in use`);
    loaded.bundle = bundle;
    loaded.mark = mark;
    this.#joined = undefined;
    this.options.report({ kind: 'loaded', trustDomain, source, certificates: bundle.certificates.length, sequence });
  }
}

/** What `read` gives for an option of a domain. Throws BundleError that names both. */
function readOption<T>(option: string, domain: FederatedDomain, read: (domain: FederatedDomain) => T): T {
  try {
    return read(domain);
  } catch (error) {
    throw new BundleError(`the ${option} of ${domain.name} cannot be used: ${whyOf(error)}`, { cause: error });
  }
}

const whyOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Certificates signed by another one of the bundle are intermediates; the others are anchors. */
function anchorsIn(certificates: readonly Certificate[], intermediates: readonly Certificate[]): CaCertificates {
  const subjects = new Set(certificates.map(({ subject }) => subject.key));
  const isBetween = ({ subject, issuer }: Certificate): boolean =>
    subject.key !== issuer.key && subjects.has(issuer.key);
  return {
    anchors: certificates.filter((certificate) => !isBetween(certificate)),
    intermediates: [...certificates.filter(isBetween), ...intermediates],
  };
}

const isStale = ({ domain, bundle, readAt }: DomainState, now: Date): boolean =>
  readAt !== undefined && isOverdue({ source: domain.bundle, hint: bundle?.refreshHint, readAt }, now);
