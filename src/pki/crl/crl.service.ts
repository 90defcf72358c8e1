import type { AuditLog } from '../../audit/index.js';
import type { EventBus } from '../../events/index.js';
import {
  lastCrlHeader,
  lastRevocationSequence,
  listCrlScopes,
  type CrlHeader,
  type CrlPlace,
  type Store,
} from '../../store/index.js';
import { earliestNow } from '../earliest-now.js';
import type { CurrentAuthorities } from '../issuer/authorities.js';
import type { Authority } from '../issuer/authority.js';
import { hasKey } from '../issuer/open-signer.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings, Requester } from '../pki-settings.js';
import { CrlPublication, type PublishedCrl } from './crl-publication.js';
import { COMPLETE, DELTA, hasDeltas, isBase, isShard, overlapOf } from './crl-scope.js';
import { baseOfDelta, CrlSigning } from './crl-signing.js';
import { lacksPlaces } from './shard-places.js';

/** Whether a CA should have a CRL. A prepared one, which nobody has heard of, has revoked nothing, and a removed one has nobody to tell. */
export const needsCrl = ({ state }: Pick<Authority, 'state'>): boolean => state !== 'prepared' && state !== 'removed';

/** Whether an authority signs its lists here. A removed one does, for those who have not heard of its removal, until its key is destroyed. */
export async function signsLists(
  { id, state, keyHere, certificate }: Authority,
  settings: PkiSettings,
  now: Date,
): Promise<boolean> {
  if (!keyHere || state === 'prepared') return false;
  return state !== 'removed' || (certificate.notAfter > now && (await hasKey(settings, id)));
}

/** Signs and publishes the CRLs of our CAs: the complete one for each, and for issuing CAs also deltas and shards where they are configured. */
export class CrlService {
  readonly #store: Store;
  readonly #authorities: CurrentAuthorities;
  readonly #settings: PkiSettings;
  readonly #earliestNow: () => Promise<Date>;
  readonly #publication: CrlPublication;
  readonly #signing: CrlSigning;
  /** The scopes that each issuer has, as of the last look. */
  readonly #scopes = new Map<string, readonly string[]>();

  constructor(parts: {
    readonly store: Store;
    readonly audit: AuditLog;
    readonly events: EventBus;
    readonly authorities: CurrentAuthorities;
    readonly settings: PkiSettings;
    readonly now: () => Date;
    /** For an issuer, the highest place in the order of revocations that somebody was told of; 0 when there is none. */
    readonly acknowledged: (issuer: string) => number;
  }) {
    const { store, events, settings } = parts;
    this.#store = store;
    this.#authorities = parts.authorities;
    this.#settings = settings;
    this.#earliestNow = () => earliestNow(parts);
    this.#publication = new CrlPublication({ store, events, folder: settings.crlDirectory });
    this.#signing = new CrlSigning({ ...parts, publication: this.#publication });
  }

  /** The CRL that is served now, of the complete scope unless another is named; undefined when there is none yet. {@link load} takes up what others signed. */
  current(issuer: string, scope: string = COMPLETE): PublishedCrl | undefined {
    return this.#publication.current({ issuer, scope });
  }

  /** Every list that is served now, as of the last look. */
  get served(): readonly PublishedCrl[] {
    return this.#authorities.all.flatMap(({ id }) =>
      this.#wanted(id).flatMap((scope) => this.current(id, scope) ?? []),
    );
  }

  /** The scopes of the lists that an issuer should have and that are not served, or are past their nextUpdate at `now`. */
  missing(issuer: string, now: Date): string[] {
    return this.#wanted(issuer).filter((scope) => (this.current(issuer, scope)?.nextUpdate ?? 0) < now);
  }

  /**
   * Takes the last CRLs of each issuer from the store and publishes those that are new here. One that fails does not hold up the others: its error is thrown
   * when they are done.
   */
  async load(): Promise<void> {
    await this.#each(async ({ id }, scope) => {
      await this.#publication.serveLast({ issuer: id, scope });
    });
  }

  /**
   * Signs a CRL of `issuer` now, the complete one unless another scope is named, and publishes it. Before a delta the complete list is signed when there is
   * none yet. Throws PkiError `authority_missing` for an issuer that is not ours, `clock_behind` when the clock is before the last CRL's thisUpdate,
   * `crl_not_fresh` when the list would lack a revocation, what opening the key throws, and what the store throws.
   */
  async sign(issuer: string, requester: Requester, scope: string = COMPLETE): Promise<PublishedCrl> {
    const authority = this.#authority(issuer);
    if (!(await this.#scopesOf(authority)).includes(scope))
      throw new PkiError('authority_missing', `${issuer} has no revocation list ${JSON.stringify(scope.slice(0, 64))}`);
    if (scope === DELTA && !this.current(issuer)) await this.sign(issuer, requester);
    await this.#signing.sign({ authority, scope, requester, isDue: () => true });
    return this.#serveSigned({ issuer, scope });
  }

  /** Signs the lists of an issuer that do not exist yet. Throws as {@link sign}. */
  async signFirst(issuer: string, requester: Requester): Promise<void> {
    for (const scope of await this.#scopesOf(this.#authority(issuer)))
      if (!this.current(issuer, scope)) await this.sign(issuer, requester, scope);
  }

  /**
   * Signs the lists that are due: there is none yet, nextUpdate is as near as the overlap, something was revoked since (which the delta says where there are
   * deltas), a shard does not name a place by which certificates name it now, or a complete list does not name its delta. Returns those that were signed. It
   * also writes what could not be written before. A list that fails, perhaps because its key is locked away, does not hold up the others: its error is thrown
   * when they are done.
   */
  async publishIfDue(requester: Requester = { actor: 'veritas', requestId: 'crl-schedule' }): Promise<PublishedCrl[]> {
    const signed: PublishedCrl[] = [];
    await this.#each(async (authority, scope) => {
      const place = { issuer: authority.id, scope };
      const isOurs = await signsLists(authority, this.#settings, await this.#earliestNow());
      if (isOurs && (await this.#signIfDue(authority, scope, requester))) signed.push(await this.#serveSigned(place));
      else await this.#publication.serveLast(place);
    });
    return signed;
  }

  /**
   * Removes the files of deltas when there are no deltas any more, to be called once {@link publishIfDue} has returned: the complete lists have all that they had.
   * For the service only: a command that was started without the service's settings would remove its delta. Throws PkiError `file_unwritable`.
   */
  async withdrawDeltas(): Promise<void> {
    if (hasDeltas(this.#settings)) return;
    await this.#each(async (authority, scope) => {
      if (scope !== COMPLETE || !(await signsLists(authority, this.#settings, await this.#earliestNow()))) return;
      await this.#publication.withdraw({ issuer: authority.id, scope: DELTA });
    });
  }

  /** Closes open files. Nothing is served afterwards. */
  close(): void {
    this.#publication.close();
  }

  #wanted(issuer: string): readonly string[] {
    return this.#scopes.get(issuer) ?? [COMPLETE];
  }

  async #each(work: (authority: Authority, scope: string) => Promise<void>): Promise<void> {
    const errors: unknown[] = [];
    for (const authority of this.#authorities.all)
      for (const scope of await this.#scopesOf(authority))
        try {
          await work(authority, scope);
        } catch (error) {
          errors.push(error);
        }
    if (errors.length > 0) throw errors[0];
  }

  /** The complete list comes first, as its delta goes with it. A shard stays once it exists, because there are certificates that name it. */
  async #scopesOf({ id, role }: Authority): Promise<readonly string[]> {
    if (role !== 'issuing') return [COMPLETE];
    const { crlShards = 0 } = this.#settings;
    const known = (await listCrlScopes(this.#store.database, id)).filter((scope) => /^\d+$/.test(scope));
    const wanted = crlShards < 2 ? [] : Array.from({ length: crlShards }, (_, i) => String(i + 1));
    const scopes = [COMPLETE, ...(hasDeltas(this.#settings) ? [DELTA] : []), ...new Set([...wanted, ...known])];
    this.#scopes.set(id, scopes);
    return scopes;
  }

  async #signIfDue(authority: Authority, scope: string, requester: Requester): Promise<boolean> {
    const { database } = this.#store;
    const place = { issuer: authority.id, scope };
    const isBehind = await this.#isBehind(authority, scope);
    const now = await this.#earliestNow();
    const isDelta = scope === DELTA;
    const complete = isDelta ? await lastCrlHeader(database, { ...place, scope: COMPLETE }) : undefined;
    const base = isDelta ? await baseOfDelta(database, authority.id, now) : undefined;
    const isDue = (last: CrlHeader | undefined): boolean => {
      if (!last || isBehind(last) || this.#publication.isLost(last)) return true;
      if (complete && last.number < complete.number) return true;
      // Not the other way round: nodes whose clocks differ would sign against each other.
      if (base && (last.base_number ?? 0) < base.number) return true;
      if (isShard(scope) && lacksPlaces(this.#settings, place, last)) return true;
      if (isBase(this.#settings, authority, scope) && last.distribution_points === null) return true;
      return now.getTime() >= last.next_update - overlapOf(this.#settings, scope) * 1000;
    };
    return isDue(await lastCrlHeader(database, place)) && this.#signing.sign({ authority, scope, requester, isDue });
  }

  /** Whether something was revoked or released that a list should have. With deltas, the complete one waits for its time. */
  async #isBehind(authority: Authority, scope: string): Promise<(last: CrlHeader) => boolean> {
    if (isBase(this.#settings, authority, scope)) return () => false;
    const { id } = authority;
    const shard = isShard(scope) ? Number(scope) : undefined;
    const changes = await lastRevocationSequence(this.#store.database, id, shard);
    return (last) => changes > last.revocation_sequence;
  }

  async #serveSigned(place: CrlPlace): Promise<PublishedCrl> {
    const crl = await this.#publication.serveLast(place);
    if (!crl)
      throw new PkiError(
        'authority_mismatch',
        `the store lost the revocation list of ${place.issuer} that was just signed`,
      );
    return crl;
  }

  #authority(id: string): Authority {
    const authority = this.#authorities.all.find((each) => each.id === id);
    if (!authority) throw new PkiError('authority_missing', `there is no issuer ${JSON.stringify(id.slice(0, 64))}`);
    return authority;
  }
}
