import type { RevocationMode } from '../../revocation/index.js';
import { isTrustDomain, type Certificate } from '../../x509/index.js';
import {
  readCertificates,
  type CaCertificates,
  type CertificateInput,
  type CurrentTrust,
  type TrustAnchors,
} from '../trust-anchors.js';
import { isBundleUrl, markOf, readBundle, type BundleSource } from './bundle-source.js';
import { BundleError, decodeSpiffeBundle, type SpiffeBundle } from './spiffe-bundle.js';

/** Another trust domain, whose services may be let in by their SPIFFE IDs. */
export interface FederatedDomain extends BundleSource {
  /** The name of the trust domain. */
  readonly name: string;
  /** CA certificates between its anchors and its services, which its bundle does not hold. */
  readonly intermediates?: CertificateInput | undefined;
  /** What holds for its certificates instead of `MtlsOptions.revocation.mode`. */
  readonly revocation?: RevocationMode | undefined;
}

/** What happened to the bundle of a trust domain, for the log. */
export type BundleEvent =
  | {
      readonly kind: 'loaded';
      readonly trustDomain: string;
      readonly source: string;
      readonly certificates: number;
      readonly sequence: number | undefined;
    }
  | { readonly kind: 'failed'; readonly trustDomain: string; readonly source: string; readonly why: string };

/** How a domain stands between two looks at its bundle. */
interface Loaded {
  readonly domain: FederatedDomain;
  readonly intermediates: readonly Certificate[];
  bundle: SpiffeBundle | undefined;
  mark: string | undefined;
  failure: string | undefined;
  /** How often in a row it has failed. */
  failures: number;
}

const FILE_INTERVAL_MS = 1_000;
const FIRST_RETRY_MS = 1_000;
// What a domain says that is too eager, too idle, or nothing.
const LEAST_MS = 10_000;
const MOST_MS = 86_400_000;
const DEFAULT_MS = 300_000;
const JITTER = 0.1;

/**
 * The trust of our own and of other trust domains, each kept apart. A bundle that cannot be had or read, or is older than the one in use, never replaces
 * it: the last good one stays, whole. A domain without one yet lets nobody in.
 */
export class FederatedTrust {
  readonly #domains: readonly Loaded[];
  readonly #timers = new Map<Loaded, NodeJS.Timeout>();
  #own: TrustAnchors | undefined;
  #joined: TrustAnchors | undefined;
  #isStopped = false;

  /** Throws RangeError for a name that is none or is there twice, DecodeError for intermediates that cannot be read. */
  constructor(
    private readonly own: CurrentTrust,
    private readonly options: {
      readonly trustDomain: string | undefined;
      readonly domains: readonly FederatedDomain[];
      readonly report: (event: BundleEvent) => void;
      /** The shortest time between two looks at a URL, in milliseconds. */
      readonly least?: number;
    },
  ) {
    const { trustDomain, domains } = options;
    const names = [...(trustDomain === undefined ? [] : [trustDomain]), ...domains.map(({ name }) => name)];
    for (const name of names)
      if (!isTrustDomain(name)) throw new RangeError(`${JSON.stringify(name)} is not the name of a trust domain`);
    if (new Set(names).size < names.length) throw new RangeError('a trust domain is named twice');
    this.#domains = domains.map((domain) => ({
      domain,
      intermediates: readCertificates(domain.intermediates ?? []),
      bundle: undefined,
      mark: undefined,
      failure: undefined,
      failures: 0,
    }));
  }

  /** The trust in force: another object once any of it has changed. */
  readonly current: CurrentTrust = () => {
    const own = this.own();
    if (this.#joined === undefined || this.#own !== own) {
      this.#own = own;
      this.#joined = this.#join(own);
    }
    return this.#joined;
  };

  /** Reads every bundle once, then keeps looking. Never fails: what cannot be read is reported, and its domain stays closed. */
  async start(): Promise<void> {
    await Promise.all(this.#domains.map((loaded) => this.#refreshAndAgain(loaded)));
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #join(own: TrustAnchors): TrustAnchors {
    const { trustDomain } = this.options;
    if (this.#domains.length === 0) return trustDomain === undefined ? own : Object.freeze({ ...own, trustDomain });
    const federated = new Map(
      this.#domains.map(({ domain: { name, revocation }, bundle, intermediates }) => [
        name,
        Object.freeze({ ...anchorsIn(bundle?.certificates ?? [], intermediates), revocation }),
      ]),
    );
    return Object.freeze({ ...own, trustDomain, federated });
  }

  async #refreshAndAgain(loaded: Loaded): Promise<void> {
    await this.#refresh(loaded);
    if (this.#isStopped) return;
    const delay = nextBundleLook(
      { source: loaded.domain.bundle, failures: loaded.failures, hint: loaded.bundle?.refreshHint },
      { least: this.options.least ?? LEAST_MS, random: Math.random() },
    );
    this.#timers.set(loaded, setTimeout(() => void this.#refreshAndAgain(loaded), delay).unref());
  }

  async #refresh(loaded: Loaded): Promise<void> {
    const { name: trustDomain, bundle: source } = loaded.domain;
    try {
      const octets = await readBundle(loaded.domain);
      const mark = markOf(octets);
      if (mark !== loaded.mark) this.#take(loaded, decodeSpiffeBundle(octets), mark);
      loaded.failure = undefined;
      loaded.failures = 0;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== loaded.failure) this.options.report({ kind: 'failed', trustDomain, source, why });
      loaded.failure = why;
      loaded.failures++;
    }
  }

  #take(loaded: Loaded, bundle: SpiffeBundle, mark: string): void {
    const { name: trustDomain, bundle: source } = loaded.domain;
    const [sequence, inUse] = [bundle.sequence, loaded.bundle?.sequence];
    if (inUse !== undefined && (sequence === undefined || sequence < inUse))
      throw new BundleError(`its sequence ${sequence ?? '(none)'} is older than ${inUse}, which is in use`);
    loaded.bundle = bundle;
    loaded.mark = mark;
    this.#joined = undefined;
    this.options.report({ kind: 'loaded', trustDomain, source, certificates: bundle.certificates.length, sequence });
  }
}

/** Whoever is signed by another of the bundle lies between; all else is what a path ends at. */
function anchorsIn(certificates: readonly Certificate[], intermediates: readonly Certificate[]): CaCertificates {
  const subjects = new Set(certificates.map(({ subject }) => subject.key));
  const isBetween = ({ subject, issuer }: Certificate): boolean =>
    subject.key !== issuer.key && subjects.has(issuer.key);
  return {
    anchors: certificates.filter((certificate) => !isBetween(certificate)),
    intermediates: [...certificates.filter(isBetween), ...intermediates],
  };
}

/**
 * When to look at a bundle again, in milliseconds: a file each second, a URL as its hint in seconds says, within bounds, after failures sooner and then ever
 * later, up to that; and never at the same moment as everybody else.
 */
export function nextBundleLook(
  { source, failures, hint }: { readonly source: string; readonly failures: number; readonly hint: number | undefined },
  { least, random }: { readonly least: number; readonly random: number },
): number {
  if (!isBundleUrl(source)) return FILE_INTERVAL_MS;
  const wanted = hint === undefined ? DEFAULT_MS : hint * 1000;
  const interval = Math.min(Math.max(wanted, least), MOST_MS);
  const delay = failures > 0 ? Math.min(interval, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20)) : interval;
  return delay * (1 + JITTER * (2 * random - 1));
}
