import type { EventBus } from '../../events/index.js';
import {
  forgetUnlistedPeers,
  noteIssuerSeen,
  noteUnlistedPeer,
  unlistedSerials,
  type Store,
} from '../../store/index.js';
import { attributeValues, Oid, type Certificate } from '../../x509/index.js';
import type { CurrentAuthorities } from '../issuer/authorities.js';

interface Sighting {
  readonly serial: string;
  readonly issuer: string;
  readonly service: string;
  readonly not_after: number;
  readonly seen_at: number;
}

/** How long sightings are collected before they are written, in milliseconds. */
const GATHER = 10_000;
/** The most certificates remembered between two writes. Further ones are ignored until they are presented again. */
const MOST = 1000;
const MOST_CHARACTERS = 256;

/**
 * Records which CAs issued the certificates of the peers that were let in: for each CA the last time, and each certificate that the store does not
 * list (it was lost in a restore, or a CA below ours issued it). Sightings are collected in memory and written in the background, so that requests do
 * not wait.
 */
export class PeerSightings {
  readonly #store: Store;
  readonly #authorities: CurrentAuthorities;
  readonly #events: EventBus;
  /** By the fingerprints of the certificates: their serial numbers are those of several CAs. */
  #seen = new Map<string, Sighting>();
  #timer: NodeJS.Timeout | undefined;
  /** Until the last write is over. It never fails: who asked for the write is told. */
  #writing: Promise<void> = Promise.resolve();
  #idsOf: CurrentAuthorities['all'] | undefined;
  #ids: ReadonlyMap<string, string> = new Map();

  constructor(parts: { readonly store: Store; readonly authorities: CurrentAuthorities; readonly events: EventBus }) {
    this.#store = parts.store;
    this.#authorities = parts.authorities;
    this.#events = parts.events;
  }

  /**
   * Notes a peer by its validated path, leaf first, and the `time` in milliseconds since 1970. A path that does not lead to one of our CAs is
   * ignored.
   */
  note([leaf, ...above]: readonly Certificate[], time: number): void {
    if (!leaf || (this.#seen.size >= MOST && !this.#seen.has(leaf.fingerprint256))) return;
    const ids = this.#idsByFingerprint();
    const nearest = above.find(({ fingerprint256 }) => ids.has(fingerprint256));
    const issuer = nearest && ids.get(nearest.fingerprint256);
    if (issuer === undefined) return;
    const [service = ''] = attributeValues(leaf.subject, Oid.commonName);
    const { serialNumber: serial, fingerprint256, notAfter } = leaf;
    this.#seen.set(fingerprint256, {
      serial,
      issuer,
      service: service.slice(0, MOST_CHARACTERS),
      not_after: notAfter.getTime(),
      seen_at: time,
    });
    this.#timer ??= setTimeout(() => {
      this.flush().catch((error: unknown) => {
        this.#events.emit('background.failed', { task: 'peers.note', error });
      });
    }, GATHER).unref();
  }

  /** Writes the sightings since the last write. Throws what the store throws; these sightings are then lost, until the peers are seen again. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const sightings = [...this.#seen.values()];
    this.#seen = new Map();
    if (sightings.length === 0) return this.#writing;
    const writing = this.#writing.then(() => this.#write(sightings));
    this.#writing = writing.catch(() => undefined);
    return writing;
  }

  async #write(seen: readonly Sighting[]): Promise<void> {
    const { database } = this.#store;
    // Certificates that have expired at the time of the last sighting are forgotten. Times are limited to the store's clock, so that a node whose own
    // clock is ahead does not forget too early what other nodes saw.
    const now = (await this.#store.clock())?.getTime() ?? Infinity;
    const sightings = seen.map((each) => ({ ...each, seen_at: Math.min(each.seen_at, now) }));
    const unlisted = await unlistedSerials(
      database,
      sightings.map(({ serial }) => serial),
    );
    const last = new Map<string, number>();
    for (const { issuer, seen_at: at } of sightings) last.set(issuer, Math.max(at, last.get(issuer) ?? 0));
    await this.#store.transaction(async (transaction) => {
      for (const [issuer, at] of last) await noteIssuerSeen(transaction, issuer, at);
      for (const sighting of sightings)
        if (unlisted.has(sighting.serial)) await noteUnlistedPeer(transaction, sighting);
      if (unlisted.size > 0) for (const [issuer, at] of last) await forgetUnlistedPeers(transaction, issuer, at);
    });
  }

  /** Rebuilt only when the CAs change, because this runs for each request. */
  #idsByFingerprint(): ReadonlyMap<string, string> {
    const { all } = this.#authorities;
    if (this.#idsOf !== all) {
      this.#ids = new Map(all.map(({ id, certificate }) => [certificate.fingerprint256, id]));
      this.#idsOf = all;
    }
    return this.#ids;
  }
}
