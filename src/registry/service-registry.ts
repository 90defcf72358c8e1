import type { EventBus } from '../events/index.js';
import { lastServiceSequence, listServiceChanges, StoreFollower, type Store } from '../store/index.js';
import { configuredService, serviceOf, type RegisteredService } from './registered-service.js';
import { answerFrom, nextTurn, type ServiceAnswer, type Subject } from './service-answer.js';
import { ServiceIndex } from './service-index.js';

/** A service on the configured list, and its roles. */
export interface ConfiguredService {
  readonly name: string;
  readonly roles: readonly string[];
}

/** An answer and how long it holds: while the epoch is the same and, unless `isLasting`, from `from` until before `until`, in milliseconds. */
interface Remembered {
  readonly epoch: number;
  readonly isLasting: boolean;
  readonly from: number;
  readonly until: number;
  readonly answer: ServiceAnswer;
}

const isWithin = ({ from, until }: Remembered, time: number): boolean => time >= from && time < until;

// A few milliseconds of the event loop.
const PAGE = 1_000;

/**
 * The services that may call, in memory: those of the configuration, overridden by the entries of the store. A change by another process is seen at the next
 * poll or as soon as the database tells of it, a change by this process before its call returns. Each change raises `epoch`. When the store cannot be read,
 * what was read last stays in force.
 */
export class ServiceRegistry {
  readonly #store: Store;
  readonly #events: EventBus;
  readonly #configured: ReadonlyMap<string, RegisteredService>;
  readonly #follower: StoreFollower;
  readonly #answers = new WeakMap<object, Remembered>();
  // The identity of the answer before: a request asks about the same one several times, for its place on the list, its roles and its rate.
  #identity: object | undefined;
  #remembered: Remembered | undefined;
  #index = new ServiceIndex();
  #sorted: readonly RegisteredService[] | undefined;
  #sequence = 0;
  #epoch = 0;
  /** The next moment at which an entry begins or ends; undefined when it was not computed since the last change. */
  #turn: number | undefined;

  constructor(parts: {
    readonly store: Store;
    readonly events: EventBus;
    readonly configured: readonly ConfiguredService[];
  }) {
    this.#store = parts.store;
    this.#events = parts.events;
    this.#configured = new Map(parts.configured.map(({ name, roles }) => [name, configuredService(name, roles)]));
    for (const service of this.#configured.values()) this.#index.set(service);
    this.#follower = new StoreFollower(parts.store, {
      read: () => this.#read(),
      onError: (error) => {
        this.#events.emit('background.failed', { task: 'services.poll', error });
      },
    });
  }

  /** Rises with every change: an answer may be kept for as long as this stays the same. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The epoch at `time`, in milliseconds. It also rises when an entry has begun or ended since the last call. */
  epochAt(time: number): number {
    if (this.#turn !== undefined && time < this.#turn) return this.#epoch;
    if (this.#turn !== undefined) this.#epoch++;
    this.#turn = nextTurn(this.#index, time);
    return this.#epoch;
  }

  /** How many entries there are, for exact names and for patterns. */
  get size(): { readonly names: number; readonly patterns: number } {
    const { names, patterns } = this.#index;
    return { names, patterns };
  }

  /** The entry of a name or pattern; undefined when there is none. */
  find(name: string): RegisteredService | undefined {
    return this.#index.get(name);
  }

  /** The configured entry of a name, whatever the store says. */
  configured(name: string): RegisteredService | undefined {
    return this.#configured.get(name);
  }

  /** Every entry, by name. */
  list(): readonly RegisteredService[] {
    return (this.#sorted ??= [...this.#index].sort((a, b) => (a.name < b.name ? -1 : 1)));
  }

  /** The names and patterns of entries with roles, whatever their state. */
  *namesWithRoles(): Generator<string> {
    for (const { name, terms } of this.#index) if (terms.roles.length > 0) yield name;
  }

  /**
   * Whether the service behind `identity` is let in now. Computed once for each identity object, change of the registry, and moment at which one of its entries
   * begins or ends. `subjectOf` is only called then, and `clock`, in milliseconds, only where an entry begins or ends at all.
   */
  answer<Identity extends object>(
    identity: Identity,
    subjectOf: (identity: Identity) => Subject,
    clock: () => number,
  ): ServiceAnswer {
    if (this.#identity !== identity) {
      this.#identity = identity;
      this.#remembered = this.#answers.get(identity);
    }
    const kept = this.#remembered;
    if (kept?.epoch === this.#epoch && (kept.isLasting || isWithin(kept, clock()))) return kept.answer;
    const subject = subjectOf(identity);
    const entries = this.entriesFor(subject);
    const time = clock();
    const answer = answerFrom(entries, subject, time);
    const isLasting = entries.every(({ terms }) => terms.validFrom === null && terms.validUntil === null);
    const remembered = { epoch: this.#epoch, isLasting, from: time, until: nextTurn(entries, time), answer };
    this.#answers.set(identity, remembered);
    this.#remembered = remembered;
    return answer;
  }

  /** The entries in force for a service: the most specific ones for its name and for its SPIFFE ID. */
  entriesFor({ service, spiffeId }: Pick<Subject, 'service' | 'spiffeId'>): readonly RegisteredService[] {
    const names = new Set(spiffeId === undefined ? [service] : [service, spiffeId]);
    return [...names].map((name) => this.#index.match(name)).filter((entry) => entry !== undefined);
  }

  /** Reads what is new. Calls that arrive together share one reading, and a call during a reading causes another one. */
  refresh(): Promise<void> {
    return this.#follower.read();
  }

  /** Looks every `interval` milliseconds, and when the database tells, whether another process changed the store. Does not keep the process alive. */
  startPolling(interval: number): void {
    this.#follower.start(interval);
  }

  stopPolling(): void {
    this.#follower.stop();
  }

  async #read(): Promise<void> {
    const { database } = this.#store;
    const last = await lastServiceSequence(database);
    if (last === this.#sequence) return;
    // Fewer changes than were seen before: a backup was restored.
    const start = last < this.#sequence ? 0 : this.#sequence;
    let end = start;
    const changed: (readonly [name: string, service: RegisteredService | undefined])[] = [];
    // Beyond `last` as well: a name that was changed again since then has no row before it.
    for (let isMore = true; isMore;) {
      const page = await listServiceChanges(database, { after: end, limit: PAGE });
      for (const row of page) changed.push([row.name, serviceOf(row)]);
      end = page.at(-1)?.sequence ?? end;
      isMore = page.length === PAGE;
    }
    // All of it is taken up in one go, so that no answer comes from a half-read list.
    if (start === 0) this.#index = new ServiceIndex();
    for (const service of start === 0 ? this.#configured.values() : []) this.#index.set(service);
    for (const [name, service] of changed) this.#take(name, service);
    this.#sequence = end;
    this.#sorted = undefined;
    this.#turn = undefined;
    this.#epoch++;
    this.#events.emit('services.changed', { epoch: this.#epoch, names: changed.map(([name]) => name) });
  }

  #take(name: string, service: RegisteredService | undefined): void {
    const holds = service ?? this.#configured.get(name);
    if (holds) this.#index.set(holds);
    else this.#index.delete(name);
  }
}
