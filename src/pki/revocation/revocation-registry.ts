import { setImmediate } from 'node:timers/promises';
import type { EventBus } from '../../events/index.js';
import {
  lastRevocationSequence,
  listIssuers,
  listReleases,
  readPage,
  revocationPage,
  revokedSerialPage,
  StoreFollower,
  type Database,
  type RevocationPart,
  type Store,
} from '../../store/index.js';
import type { Certificate } from '../../x509/index.js';
import type { CurrentAuthorities } from '../issuer/authorities.js';
import type { Authority } from '../issuer/authority.js';
import { RevokedSerials } from './revoked-serials.js';

/** The status of a serial number. `unknown`: the issuer is not one of our CAs, or the store has not been read for too long. */
export type RegistryStatus =
  | { readonly status: 'good' }
  | { readonly status: 'revoked'; readonly reason: string; readonly revokedAt: Date }
  | { readonly status: 'unknown'; readonly because: 'foreign_issuer' | 'store_unread' };

/** The default time, in milliseconds, for which answers are valid after the store was last read. After that they are `unknown`. */
export const UNREAD_LIMIT = 30_000;

// The number of revocation sequence numbers read at a time; a page takes about two milliseconds of the event loop.
const PAGE = 5_000;
const NO_END = Number.MAX_SAFE_INTEGER;

const GOOD: RegistryStatus = Object.freeze({ status: 'good' });
const FOREIGN: RegistryStatus = Object.freeze({ status: 'unknown', because: 'foreign_issuer' });
const UNREAD: RegistryStatus = Object.freeze({ status: 'unknown', because: 'store_unread' });

/**
 * All revocations of our certificates, in memory, so that an answer is one lookup. Revocations by other processes are seen at the next poll
 * (`Store.dataVersion()`) or when the database notifies (`Store.watch()`); those by this process are seen before `revoke` returns. Each change raises
 * `epoch`.
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
  #revoked = new Map<string, RevokedSerials>();
  #sequence = 0;
  #epoch = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #follower: StoreFollower;

  constructor(parts: {
    readonly store: Store;
    readonly events: EventBus;
    readonly authorities: CurrentAuthorities;
    /** Milliseconds; {@link UNREAD_LIMIT} when absent. */
    readonly unreadLimit?: number | undefined;
    /** A clock in milliseconds that never goes back; performance.now by default. */
    readonly monotonic?: () => number;
  }) {
    this.#store = parts.store;
    this.#events = parts.events;
    this.#monotonic = parts.monotonic ?? (() => performance.now());
    this.#authorities = parts.authorities;
    this.#unreadLimit = parts.unreadLimit ?? UNREAD_LIMIT;
    this.#follower = new StoreFollower(parts.store, {
      read: () => this.#read(),
      clock: this.#monotonic,
      unchanged: (asOf) => {
        this.#readAt = asOf;
      },
      // Emitted only: if the failure lasts, the answers become `unknown` by themselves.
      onError: (error) => {
        this.#events.emit('background.failed', { task: 'revocation.poll', error });
      },
    });
  }

  /** A number that rises with every change. An answer may be reused while it stays the same. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The status of `serialNumber` (lower-case hexadecimal) under the CA with the certificate `issuer`. Never throws. */
  statusOf(issuer: Certificate, serialNumber: string): RegistryStatus {
    let id = this.#issuerOf.get(issuer);
    if (id === undefined) {
      id = this.#idsByKey().get(keyOf(issuer));
      if (id === undefined) return FOREIGN;
      this.#issuerOf.set(issuer, id);
    }
    const entry = this.#revoked.get(id)?.get(serialNumber);
    // A known revocation is reported even when the store has not been read for too long.
    if (entry) return { status: 'revoked', ...entry };
    return this.#monotonic() - this.#readAt > this.#unreadLimit ? UNREAD : GOOD;
  }

  #idsByKey(): ReadonlyMap<string, string> {
    const { all } = this.#authorities;
    if (this.#issuersOf !== all) {
      this.#issuers = new Map(all.map(({ id, certificate }) => [keyOf(certificate), id]));
      this.#issuersOf = all;
    }
    return this.#issuers;
  }

  /**
   * Reads new changes from the store. Calls that arrive together share one read; a call during a read causes another read. Throws what the store
   * throws.
   */
  refresh(): Promise<void> {
    return this.#follower.read();
  }

  /**
   * Checks every `interval` milliseconds, and when the database notifies, whether another process changed the store; reads the changes and then calls
   * `onChange`. The timer does not keep the process alive.
   */
  startPolling(interval: number, onChange?: () => void): void {
    this.#follower.start(interval, onChange);
  }

  stopPolling(): void {
    this.#follower.stop();
  }

  async #read(): Promise<void> {
    const started = this.#monotonic();
    const { database } = this.#store;
    const last = await lastRevocationSequence(database);
    // The sequence went back, so a backup was restored. Everything is read again; until that is done, answers use what was known before.
    const isRewound = last < this.#sequence;
    const [before, revoked] = isRewound ? [0, new Map<string, RevokedSerials>()] : [this.#sequence, this.#revoked];
    await take(database, revoked, { after: before, until: last });
    this.#revoked = revoked;
    this.#sequence = last;
    this.#readAt = started;
    if (isRewound || last !== before) {
      this.#epoch++;
      this.#events.emit('revocations.changed', { epoch: this.#epoch });
    }
  }
}

/** Identifies a CA by its name and key, not by one certificate: its cross-certificates by other roots have the same name and key. */
const keyOf = ({ subject, publicKey }: Certificate): string =>
  `${subject.key}\n${Buffer.from(publicKey.der).toString('base64')}`;

// The functions below read the current rows. A row that changed after `until` was determined has a higher sequence number, and is read again the next
// time.

async function take(
  database: Database,
  revoked: Map<string, RevokedSerials>,
  part: Pick<RevocationPart, 'after' | 'until'>,
): Promise<void> {
  await takeReleases(database, revoked, part);
  for (const { id } of await listIssuers(database)) {
    const its = revoked.get(id) ?? new RevokedSerials();
    revoked.set(id, its);
    await takeRevocations(database, its, { issuer: id, ...part });
  }
}

/**
 * Removes released serial numbers. A certificate that was put on hold again still has the row of its earlier release, which must be ignored
 * (`isRevoked`).
 */
async function takeReleases(
  database: Database,
  revoked: ReadonlyMap<string, RevokedSerials>,
  { after, until }: Pick<RevocationPart, 'after' | 'until'>,
): Promise<void> {
  while (after < until) {
    const page = await listReleases(database, { after, limit: PAGE });
    for (const { serial, issuer, isRevoked } of page) if (!isRevoked) revoked.get(issuer)?.delete(serial);
    after = page.length < PAGE ? until : (page.at(-1)?.sequence ?? until);
    if (after < until) await setImmediate();
  }
}

async function takeRevocations(database: Database, revoked: RevokedSerials, part: RevocationPart): Promise<void> {
  const { issuer, until } = part;
  for (const pageOf of [revocationPage, revokedSerialPage])
    for (let { after } = part; after < until; after += PAGE) {
      const isLast = after + PAGE >= until;
      // The last page has no end: a row that got another reason meanwhile would be passed over, and its certificate called good until the next time.
      revoked.add(await readPage(pageOf(database, { issuer, after, until: isLast ? NO_END : after + PAGE })));
      if (!isLast) await setImmediate();
    }
}
