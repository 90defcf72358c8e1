import { setImmediate } from 'node:timers/promises';
import type { EventBus } from '../../events/index.js';
import {
  lastRevocationSequence,
  listIssuers,
  listReleases,
  readRevocationPage,
  readRevokedSerialPage,
  type Store,
  StoreFollower,
} from '../../store/index.js';
import type { Certificate } from '../../x509/index.js';
import type { CurrentAuthorities } from '../issuer/authorities.js';
import type { Authority } from '../issuer/authority.js';
import { RevokedSerials } from './revoked-serials.js';

/** What is known about a serial number. `unknown`: the issuer is not ours, or the store has not been read for too long. */
export type RegistryStatus =
  | { readonly status: 'good' }
  | { readonly status: 'revoked'; readonly reason: string; readonly revokedAt: Date }
  | { readonly status: 'unknown'; readonly because: 'foreign_issuer' | 'store_unread' };

/** How long answers stand without a look at the store when nothing else is said, in milliseconds; from then on they are `unknown`. */
export const UNREAD_LIMIT = 30_000;

// Places in the order of revocations: two milliseconds of the event loop.
const PAGE = 5_000;

const GOOD: RegistryStatus = Object.freeze({ status: 'good' });
const FOREIGN: RegistryStatus = Object.freeze({ status: 'unknown', because: 'foreign_issuer' });
const UNREAD: RegistryStatus = Object.freeze({ status: 'unknown', because: 'store_unread' });

/**
 * Every revocation of our certificates, in memory: an answer costs a look into a map. What other processes revoke is seen at the next poll
 * (`Store.dataVersion()`) or as soon as the database tells (`Store.watch()`), what this one revokes before `revoke` returns. Each change raises `epoch`.
 */
export class RevocationRegistry {
  readonly #store: Store;
  readonly #events: EventBus;
  readonly #monotonic: () => number;
  readonly #authorities: CurrentAuthorities;
  readonly #unreadLimit: number;
  #issuers: ReadonlyMap<string, string> = new Map();
  #issuersOf: readonly Authority[] | undefined;
  readonly #issuerOf = new WeakMap<Certificate, string>();
  readonly #revoked = new Map<string, RevokedSerials>();
  #sequence = 0;
  #epoch = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;
  #onChange: (() => void) | undefined;
  readonly #follower: StoreFollower;

  constructor(parts: {
    readonly store: Store;
    readonly events: EventBus;
    readonly authorities: CurrentAuthorities;
    /** Milliseconds; {@link UNREAD_LIMIT} when absent. */
    readonly unreadLimit?: number | undefined;
    /** Milliseconds that only rise; performance.now by default. */
    readonly monotonic?: () => number;
  }) {
    this.#store = parts.store;
    this.#events = parts.events;
    this.#monotonic = parts.monotonic ?? (() => performance.now());
    this.#authorities = parts.authorities;
    this.#unreadLimit = parts.unreadLimit ?? UNREAD_LIMIT;
    this.#follower = new StoreFollower(parts.store, {
      read: async () => {
        await this.refresh();
        this.#onChange?.();
      },
      clock: this.#monotonic,
      unchanged: (asOf) => {
        this.#readAt = asOf;
      },
      // The answers turn to `unknown` by themselves when this lasts.
      onError: (error) => {
        this.#events.emit('background.failed', { task: 'revocation.poll', error });
      },
    });
  }

  /** Rises with every change: an answer that was kept is good for as long as this is what it was. */
  get epoch(): number {
    return this.#epoch;
  }

  /** How many serial numbers are revoked. */
  get size(): number {
    return [...this.#revoked.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** What is known about `serialNumber` (lower-case hexadecimal) of the issuer with that certificate. Never throws. */
  statusOf(issuer: Certificate, serialNumber: string): RegistryStatus {
    let id = this.#issuerOf.get(issuer);
    if (id === undefined) {
      id = this.#idsByFingerprint().get(issuer.fingerprint256);
      if (id === undefined) return FOREIGN;
      this.#issuerOf.set(issuer, id);
    }
    const entry = this.#revoked.get(id)?.get(serialNumber);
    // A revocation that was seen stands, whatever became of the store.
    if (entry) return { status: 'revoked', ...entry };
    return this.#monotonic() - this.#readAt > this.#unreadLimit ? UNREAD : GOOD;
  }

  /** The certificates that our CAs go by, cross-certificates among them. */
  #idsByFingerprint(): ReadonlyMap<string, string> {
    const { all } = this.#authorities;
    if (this.#issuersOf !== all) {
      this.#issuers = new Map(
        all.flatMap(({ id, certificate, crossCertificates }) =>
          [certificate, ...crossCertificates].map(({ fingerprint256 }) => [fingerprint256, id] as const),
        ),
      );
      this.#issuersOf = all;
    }
    return this.#issuers;
  }

  /** Reads what is new. Calls at the same time share one reading, and a call during a reading has another one follow. */
  async refresh(): Promise<void> {
    const before = this.#refreshing;
    if (before) await before.catch(() => undefined);
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /**
   * Looks every `interval` milliseconds, and when the database tells, whether another process changed the store, and tells `onChange` after reading.
   * Does not keep the process alive.
   */
  startPolling(interval: number, onChange?: () => void): void {
    this.#onChange = onChange;
    this.#follower.start(interval);
  }

  stopPolling(): void {
    this.#follower.stop();
  }

  async #read(): Promise<void> {
    const started = this.#monotonic();
    const { database } = this.#store;
    // Fewer revocations than were seen before: a backup was restored.
    const last = await lastRevocationSequence(database);
    const rewound = last < this.#sequence;
    if (rewound) {
      this.#revoked.clear();
      this.#sequence = 0;
    }
    const before = this.#sequence;
    await this.#takeReleases(before, last);
    for (const { id } of await listIssuers(database)) await this.#takeRevocations(id, before, last);
    this.#sequence = last;
    this.#readAt = started;
    if (rewound || this.#sequence !== before) {
      this.#epoch++;
      this.#events.emit('revocations.changed', { epoch: this.#epoch });
    }
  }

  // Both are what is so now, and no longer so is what changed since, which lies behind `last`: it is not passed over. Releases first: of a certificate that is on
  // hold again there is one of before.

  async #takeReleases(start: number, last: number): Promise<void> {
    for (let after = start; after < last;) {
      const page = await listReleases(this.#store.database, { after, limit: PAGE });
      for (const { serial, issuer, sequence } of page) if (sequence <= last) this.#revoked.get(issuer)?.delete(serial);
      after = page.length < PAGE ? last : (page.at(-1)?.sequence ?? last);
      if (after < last) await setImmediate();
    }
  }

  async #takeRevocations(issuer: string, start: number, until: number): Promise<void> {
    const revoked = this.#revoked.get(issuer) ?? new RevokedSerials();
    this.#revoked.set(issuer, revoked);
    for (const read of [readRevocationPage, readRevokedSerialPage])
      for (let after = start; after < until; after += PAGE) {
        revoked.add(await read(this.#store.database, { issuer, after, until: Math.min(after + PAGE, until) }));
        if (after + PAGE < until) await setImmediate();
      }
  }
}
