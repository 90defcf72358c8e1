import { decodeCertificate, octetsFromPemOrDer, type Certificate } from '../../x509/index.js';
import type { CurrentTrust } from '../trust-anchors.js';
import { checkCurrent, CrlRefusedError, indexCrl, type CrlIndex } from './crl-index.js';
import { fetchCrl, type CrlSource } from './crl-source.js';
import type { RevocationAnswer, RevocationStatus } from './revocation-status.js';

/** What happened to a source, for the log. */
export type CrlEvent =
  | {
      readonly kind: 'loaded';
      readonly source: string;
      readonly entries: number;
      readonly nextUpdate: Date | undefined;
    }
  | { readonly kind: 'failed'; readonly source: string; readonly why: string };

interface Loaded {
  readonly source: CrlSource;
  mark: string | undefined;
  index: CrlIndex | undefined;
  failure: string | undefined;
}

const FILE_INTERVAL_MS = 1_000;

/**
 * Revocation status from the CRLs of any CA, in files or at URLs. A CRL that fails to load or to verify never replaces a good one, and a
 * good one counts until its nextUpdate: after that, and where there is none, the answer is `unknown`, which hard-fail refuses.
 */
export class CrlRevocation implements RevocationStatus {
  readonly #sources: readonly Loaded[];
  readonly #timers: NodeJS.Timeout[] = [];
  #byIssuer = new Map<string, CrlIndex>();
  #epoch = 0;

  constructor(
    sources: readonly CrlSource[],
    private readonly trust: CurrentTrust,
    private readonly options: {
      readonly refreshInterval: number;
      readonly clock: () => Date;
      readonly report: (event: CrlEvent) => void;
    },
  ) {
    this.#sources = sources.map((source) => ({ source, mark: undefined, index: undefined, failure: undefined }));
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Loads every source once, then keeps looking. Never fails: a source that cannot be read is reported, and its answers are `unknown`. */
  async start(): Promise<void> {
    await Promise.all(this.#sources.map((loaded) => this.#refresh(loaded)));
    for (const loaded of this.#sources) {
      const isUrl = /^https?:/.test(loaded.source.source);
      const interval = isUrl ? this.options.refreshInterval : Math.min(this.options.refreshInterval, FILE_INTERVAL_MS);
      let busy = false;
      const timer = setInterval(() => {
        if (busy) return;
        busy = true;
        void this.#refresh(loaded).finally(() => (busy = false));
      }, interval);
      this.#timers.push(timer.unref());
    }
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  statusOf(certificate: Certificate, issuer: Certificate, now: Date): RevocationAnswer {
    const index = this.#byIssuer.get(keyOf(issuer));
    if (!index) return { status: 'unknown', source: 'CRL', why: this.#whyMissing() };
    const source = `CRL ${String(index.list.extensions.crlNumber ?? '')}`.trim();
    const entry = index.revoked.get(certificate.serialNumber);
    // A revocation stays true when its list goes stale; only the absence of one does not.
    if (entry) return { status: 'revoked', source, ...entry };
    try {
      checkCurrent(index.list, now);
    } catch (error) {
      return { status: 'unknown', source, why: (error as Error).message };
    }
    return { status: 'good', source, ...(index.list.nextUpdate ? { until: index.list.nextUpdate } : {}) };
  }

  #whyMissing(): string {
    const failures = this.#sources.flatMap(({ source, failure }) => (failure ? [`${source.source}: ${failure}`] : []));
    return failures.length > 0 ? failures.join('; ') : 'no CRL of this issuer is configured';
  }

  async #refresh(loaded: Loaded): Promise<void> {
    const { source } = loaded.source;
    try {
      const fetched = await fetchCrl(source, loaded.mark);
      if (!fetched) return;
      // The mark first: a bad file is reported once, not every second.
      loaded.mark = fetched.mark;
      const index = await indexCrl(fetched.octets, this.#issuersFor(loaded.source), this.options.clock());
      if (loaded.index) checkNotOlder(index, loaded.index);
      loaded.index = index;
      loaded.failure = undefined;
      this.#swap();
      this.options.report({ kind: 'loaded', source, entries: index.revoked.size, nextUpdate: index.list.nextUpdate });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== loaded.failure) this.options.report({ kind: 'failed', source, why });
      loaded.failure = why;
      // What was refused for its time or its issuer may be in order later, unchanged; octets that cannot be read never will be.
      if (error instanceof CrlRefusedError) loaded.mark = undefined;
    }
  }

  #issuersFor({ issuer }: CrlSource): readonly Certificate[] {
    if (issuer !== undefined) return octetsFromPemOrDer(issuer, 'CERTIFICATE').map(decodeCertificate);
    const { anchors, intermediates } = this.trust();
    return [...anchors, ...intermediates];
  }

  #swap(): void {
    const byIssuer = new Map<string, CrlIndex>();
    for (const { index } of this.#sources) {
      if (!index) continue;
      const other = byIssuer.get(keyOf(index.issuer));
      if (!other || other.list.thisUpdate < index.list.thisUpdate) byIssuer.set(keyOf(index.issuer), index);
    }
    this.#byIssuer = byIssuer;
    this.#epoch++;
  }
}

/** Throws CrlRefusedError for a list that is older than the one in use: replayed, it would take revocations back (RFC 5280 §5.2.3). */
function checkNotOlder({ list }: CrlIndex, { list: inUse }: CrlIndex): void {
  const [number, previous] = [list.extensions.crlNumber, inUse.extensions.crlNumber];
  if (number !== undefined && previous !== undefined && number < previous)
    throw new CrlRefusedError(`CRL number ${number} is older than ${previous}, which is in use`);
  if (list.thisUpdate < inUse.thisUpdate)
    throw new CrlRefusedError(`thisUpdate ${list.thisUpdate.toISOString()} is older than that of the one in use`);
}

/** A CA is its name and its key: its certificate may be renewed meanwhile. */
const keyOf = ({ subject, publicKey }: Certificate): string =>
  `${subject.key}\n${Buffer.from(publicKey.der).toString('base64')}`;
