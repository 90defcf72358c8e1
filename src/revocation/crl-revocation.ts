import { setTimeout as sleep } from 'node:timers/promises';
import {
  CrlRefusedError,
  DecodeError,
  decodeCertificates,
  sameScope,
  staleness,
  type Certificate,
  type CrlIndex,
} from '../x509/index.js';
import { CrlReader } from './crl-reader.js';
import { isUrl, type CrlSource } from './crl-source.js';
import { IssuerLists, isNeeded } from './issuer-lists.js';
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

/** The state of a source's list. */
export interface CrlStanding {
  readonly source: string;
  /** Whether a usable list has come from it. */
  readonly isRead: boolean;
  /** Whether the last one is past its nextUpdate. */
  readonly isStale: boolean;
  /** The times of the last one. */
  readonly thisUpdate: Date | undefined;
  readonly nextUpdate: Date | undefined;
  /** When the source last had a list that could be used, be it the one from before; undefined: never. */
  readonly readAt: Date | undefined;
  /** How often, in all, it could not be read, or not used what it had. */
  readonly failures: number;
}

/** What a source names as its issuer is not a certificate. */
export class CrlIssuerError extends Error {
  override readonly name = 'CrlIssuerError';
}

interface Loaded {
  readonly source: Pick<CrlSource, 'source'>;
  /** The issuer that the source names. */
  readonly issuers: readonly Certificate[] | undefined;
  mark: string | undefined;
  /** Whether what that is the mark of was taken up. */
  isTaken: boolean;
  readAt: Date | undefined;
  index: CrlIndex | undefined;
  /**
   * Earlier lists of this source by another CA or of another scope, until they expire: a list does not replace one about other certificates. And deltas that
   * are still needed ({@link isNeeded}).
   */
  others: readonly CrlIndex[];
  failure: string | undefined;
  /** How often in a row it has failed. */
  failures: number;
  /** And how often in all. */
  allFailures: number;
  /** Until this time of performance.now(), a file that was refused is not read again unless it changed. */
  retryAt: number;
}

const FILE_INTERVAL_MS = 1_000;
const FIRST_RETRY_MS = 1_000;
const JITTER = 0.1;
/** How long a start waits for lists: as long as a silent server is waited for, and no longer for one that sends a little now and then. */
const START_MS = 10_000;

/**
 * Revocation status from the CRLs of any CA, complete, sharded and delta, in files or at URLs. A CRL that cannot be loaded or verified never replaces a good
 * one. A good one counts until its nextUpdate; after that, and where there is none, the answer is `unknown`, which hard-fail refuses.
 */
export class CrlRevocation implements RevocationStatus {
  readonly #sources: readonly Loaded[];
  readonly #reader: CrlReader;
  readonly #timers = new Map<Loaded, NodeJS.Timeout>();
  #byIssuer = new Map<string, IssuerLists>();
  #epoch = 0;
  #isStopped = false;

  /** Throws {@link CrlIssuerError}. */
  constructor(
    sources: readonly CrlSource[],
    /** The CAs that are known now: a list is by one of them, or by the issuer that its source names. */
    private readonly authorities: () => readonly Certificate[],
    private readonly options: {
      readonly refreshInterval: number;
      readonly clock: () => Date;
      readonly report: (event: CrlEvent) => void;
      /** How long {@link CrlRevocation.start} waits, in milliseconds. */
      readonly startWait?: number;
      readonly reader?: CrlReader;
    },
  ) {
    this.#reader = options.reader ?? new CrlReader();
    this.#sources = sources.map((source) => ({
      source,
      issuers: issuersOf(source),
      mark: undefined,
      isTaken: false,
      readAt: undefined,
      index: undefined,
      others: [],
      failure: undefined,
      failures: 0,
      allFailures: 0,
      retryAt: Infinity,
    }));
  }

  get epoch(): number {
    return this.#epoch;
  }

  /**
   * Loads every source once, and then keeps watching them. Never fails: a source that cannot be read is reported, and its answers are `unknown`. So are those
   * of a source that is still being read after ten seconds, for which the start does not wait.
   */
  async start(): Promise<void> {
    const all = Promise.all(this.#sources.map((loaded) => this.#refreshAndAgain(loaded)));
    await Promise.race([all, sleep(this.options.startWait ?? START_MS, undefined, { ref: false })]);
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#reader.close();
  }

  /** How each source stands now. */
  get standing(): readonly CrlStanding[] {
    const now = this.options.clock();
    return this.#sources.map(({ source: { source }, index, readAt, allFailures }) => ({
      source,
      isRead: index !== undefined,
      isStale: index !== undefined && staleness(index.list, now) !== undefined,
      thisUpdate: index?.list.thisUpdate,
      nextUpdate: index?.list.nextUpdate,
      readAt,
      failures: allFailures,
    }));
  }

  statusOf(certificate: Certificate, issuer: Certificate, now: Date): RevocationAnswer {
    const lists = this.#byIssuer.get(keyOf(issuer));
    return lists?.statusOf(certificate, now) ?? { status: 'unknown', source: 'CRL', why: this.#whyMissing() };
  }

  async #refreshAndAgain(loaded: Loaded): Promise<void> {
    await this.#refresh(loaded);
    if (this.#isStopped) return;
    const delay = nextLook(loaded, {
      interval: this.options.refreshInterval,
      now: this.options.clock(),
      random: Math.random(),
    });
    this.#timers.set(loaded, setTimeout(() => void this.#refreshAndAgain(loaded), delay).unref());
  }

  #whyMissing(): string {
    const reasons = this.#sources.flatMap(({ source: { source }, failure, index }) => {
      if (failure !== undefined) return [`${source}: ${failure}`];
      return index ? [] : [`${source}: it has not been read yet`];
    });
    return reasons.join('; ') || 'no CRL of this issuer is configured';
  }

  async #refresh(loaded: Loaded): Promise<void> {
    const { source } = loaded.source;
    try {
      const mark = performance.now() < loaded.retryAt ? loaded.mark : undefined;
      const fetched = await this.#reader.fetch(source, mark);
      if (!fetched) {
        if (loaded.retryAt < Infinity) return;
        // A list that expired without a successor is a failure too, so that its publisher is asked ever less often instead of every second.
        const ended = loaded.index && staleness(loaded.index.list, this.options.clock());
        if (ended !== undefined) throw new CrlRefusedError(ended);
        loaded.failures = 0;
        if (loaded.isTaken) this.#noteSuccess(loaded);
        return;
      }
      // The mark is kept first, so that a bad file is reported once and not every second.
      loaded.mark = fetched.mark;
      loaded.isTaken = false;
      loaded.retryAt = Infinity;
      const index = await this.#take(loaded, fetched.octets);
      loaded.isTaken = true;
      loaded.failures = 0;
      this.#noteSuccess(loaded);
      this.options.report({ kind: 'loaded', source, entries: index.revoked.size, nextUpdate: index.list.nextUpdate });
    } catch (error) {
      if (this.#isStopped) return;
      const why = error instanceof Error ? error.message : String(error);
      if (why !== loaded.failure) this.options.report({ kind: 'failed', source, why });
      loaded.failure = why;
      loaded.failures++;
      loaded.allFailures++;
    }
  }

  #noteSuccess(loaded: Loaded): void {
    loaded.failure = undefined;
    loaded.readAt = this.options.clock();
  }

  /** Replaces a source's list by a newer one. */
  async #take(loaded: Loaded, octets: Uint8Array): Promise<CrlIndex> {
    try {
      const index = await this.#reader.read(octets, loaded.issuers ?? this.authorities(), this.options.clock());
      this.#replace(loaded, index);
      return index;
    } catch (error) {
      // A list that was refused for its time or its issuer may be accepted later without a change, and one that came cut off may come whole; a file that
      // cannot be read never can.
      if (isUrl(loaded.source.source)) loaded.retryAt = 0;
      else if (!(error instanceof DecodeError))
        loaded.retryAt = performance.now() + backoff(loaded.failures + 1, this.options.refreshInterval);
      throw error;
    }
  }

  /** Takes up a list, or refuses it as older. The memory of the list that is not used any more is released for the next one. */
  #replace(loaded: Loaded, index: CrlIndex): void {
    const all = [...(loaded.index ? [loaded.index] : []), ...loaded.others];
    const before = all.find((each) => isSameList(each, index));
    try {
      if (before) checkNotOlder(index, before);
    } catch (error) {
      this.#reader.release(index);
      throw error;
    }
    const now = this.options.clock();
    loaded.index = index;
    // What is still needed depends on what all sources have, this one with its new list among them.
    loaded.others = all.filter((each) => each !== before);
    const lists = this.#lists.filter(({ issuer }) => keyOf(issuer) === keyOf(index.issuer));
    loaded.others = all.filter(
      (each) => isNeeded(each, lists) || (each !== before && staleness(each.list, now) === undefined),
    );
    this.#swap();
    for (const each of all) if (!loaded.others.includes(each)) this.#reader.release(each);
  }

  /** What all sources have. */
  get #lists(): readonly CrlIndex[] {
    return this.#sources.flatMap(({ index, others }) => (index ? [index, ...others] : []));
  }

  /** Replaces all lists at once: an answer comes from the old ones or from the new ones. */
  #swap(): void {
    const lists = Map.groupBy(this.#lists, ({ issuer }) => keyOf(issuer));
    this.#byIssuer = new Map([...lists].map(([issuer, its]) => [issuer, new IssuerLists(its)]));
    this.#epoch++;
  }
}

function issuersOf({ source, issuer }: CrlSource): readonly Certificate[] | undefined {
  if (issuer === undefined) return undefined;
  try {
    if (issuer.length === 0) throw new DecodeError('an empty certificate file', 0);
    return decodeCertificates(issuer);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CrlIssuerError(`the issuer of ${source} cannot be used: ${why}`, { cause: error });
  }
}

/**
 * In how many milliseconds to look at a source again: a file every second; a URL every `interval`, and before its list expires; after a failure sooner, and
 * then ever later up to the interval. URLs have a random spread, so that clients do not all ask at the same moment.
 */
export function nextLook(
  { source: { source }, failures, index }: Pick<Loaded, 'source' | 'failures' | 'index'>,
  { interval, now, random }: { readonly interval: number; readonly now: Date; readonly random: number },
): number {
  if (!isUrl(source)) return Math.min(interval, FILE_INTERVAL_MS);
  const spread = 1 + JITTER * (2 * random - 1);
  if (failures > 0) return backoff(failures, interval) * spread;
  const left = (index?.list.nextUpdate?.getTime() ?? Infinity) - now.getTime();
  return Math.min(interval, Math.max(left / 2, FIRST_RETRY_MS)) * spread;
}

/** Milliseconds: a second first, then ever longer, up to the interval. */
const backoff = (failures: number, interval: number): number =>
  Math.min(interval, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20));

/** Throws CrlRefusedError for a list that is older than the one in use: replayed, it would take revocations back (RFC 5280 §5.2.3). */
function checkNotOlder({ list }: CrlIndex, { list: inUse }: CrlIndex): void {
  const [number, previous] = [list.extensions.crlNumber, inUse.extensions.crlNumber];
  if (number !== undefined && previous !== undefined && number < previous)
    throw new CrlRefusedError(`CRL number ${number} is older than ${previous}, which is in use`);
  if (list.thisUpdate < inUse.thisUpdate)
    throw new CrlRefusedError(`thisUpdate ${list.thisUpdate.toISOString()} is older than that of the one in use`);
}

/** Whether one list is a version of the other: by the same CA, of the same scope, and both complete or both delta. */
const isSameList = (one: CrlIndex, other: CrlIndex): boolean =>
  keyOf(one.issuer) === keyOf(other.issuer) &&
  sameScope(one.list, other.list) &&
  (one.list.extensions.deltaCrlIndicator === undefined) === (other.list.extensions.deltaCrlIndicator === undefined);

/** A CA is its name and its key: its certificate may be renewed meanwhile. */
const keyOf = ({ subject, publicKey }: Certificate): string =>
  `${subject.key}\n${Buffer.from(publicKey.der).toString('base64')}`;
