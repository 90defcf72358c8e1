import { join } from 'node:path';
import type { AuditLog } from '../../audit/index.js';
import type { EventBus } from '../../events/index.js';
import {
  crlFloor,
  insertCrl,
  lastCrl,
  lastCrlHeader,
  lastRevocationSequence,
  listRevocations,
  type CrlHeader,
  type CrlRow,
  type Store,
} from '../../store/index.js';
import type { CurrentAuthorities } from '../issuer/authorities.js';
import type { Authority } from '../issuer/authority.js';
import { hasKey } from '../issuer/open-signer.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings, Requester } from '../pki-settings.js';
import { ensureFolder, replaceFileIfChanged } from '../publication/atomic-file.js';
import { CrlToken } from './crl-token.js';

/** A CRL as it is served. */
export interface PublishedCrl {
  readonly issuer: string;
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly der: Uint8Array;
}

/** Whose CRL is missed when there is none: a CA that nobody has heard of has revoked nothing, a removed one has nobody to tell. */
export const needsCrl = ({ state }: Pick<Authority, 'state'>): boolean => state !== 'prepared' && state !== 'removed';

/** Signs and publishes the CRLs of our CAs. Numbers rise strictly, across processes too: the store gives them out in the transaction that keeps the CRL. */
export class CrlService {
  readonly #store: Store;
  readonly #audit: AuditLog;
  readonly #events: EventBus;
  readonly #authorities: CurrentAuthorities;
  readonly #settings: PkiSettings;
  readonly #now: () => Date;
  readonly #current = new Map<string, PublishedCrl>();
  readonly #written = new Map<string, PublishedCrl>();

  constructor(parts: {
    readonly store: Store;
    readonly audit: AuditLog;
    readonly events: EventBus;
    readonly authorities: CurrentAuthorities;
    readonly settings: PkiSettings;
    readonly now: () => Date;
  }) {
    this.#store = parts.store;
    this.#audit = parts.audit;
    this.#events = parts.events;
    this.#authorities = parts.authorities;
    this.#settings = parts.settings;
    this.#now = parts.now;
  }

  /** The CRL of an issuer that is served now, undefined when there is none yet. From memory: {@link load} takes up what others signed. */
  current(issuer: string): PublishedCrl | undefined {
    return this.#current.get(issuer);
  }

  /** Takes the last CRL of each issuer from the store and publishes those that are new here. */
  async load(): Promise<void> {
    for (const { id } of this.#authorities.all) await this.#publishLast(id);
  }

  /**
   * Signs a CRL of `issuer` now, and publishes it. Throws PkiError `authority_missing` for an issuer that is not ours, `clock_behind` when the
   * clock is before the last CRL's thisUpdate, what opening the key throws, and what the store throws.
   */
  async sign(issuer: string, requester: Requester): Promise<PublishedCrl> {
    await this.#sign(this.#authority(issuer), requester, () => true);
    return this.#publishSigned(issuer);
  }

  /**
   * Signs where it is time: no CRL yet, `crlOverlap` before nextUpdate, or something was revoked since. Gives those that were signed. What could not be
   * written before is written. One issuer
   * that fails, its key locked away perhaps, does not hold up the others; its error is thrown when they are done.
   */
  async publishIfDue(requester: Requester = { actor: 'veritas', requestId: 'crl-schedule' }): Promise<PublishedCrl[]> {
    const signed: PublishedCrl[] = [];
    const errors: unknown[] = [];
    for (const authority of this.#authorities.all) {
      try {
        if ((await this.#signs(authority)) && (await this.#signIfDue(authority, requester)))
          signed.push(await this.#publishSigned(authority.id));
        else await this.#publishLast(authority.id);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
    return signed;
  }

  /** A removed CA signs for those who have not heard of it yet, as long as its key was not destroyed. */
  async #signs({ id, state, keyHere, certificate }: Authority): Promise<boolean> {
    if (!keyHere || state === 'prepared') return false;
    return state !== 'removed' || (certificate.notAfter > this.#now() && (await hasKey(this.#settings, id)));
  }

  async #signIfDue(authority: Authority, requester: Requester): Promise<boolean> {
    const { database } = this.#store;
    const revocations = await lastRevocationSequence(database, authority.id);
    const isDue = (last: CrlHeader | undefined): boolean => this.#isDue(last, revocations);
    return isDue(await lastCrlHeader(database, authority.id)) && this.#sign(authority, requester, isDue);
  }

  #isDue(last: CrlHeader | undefined, revocations: number): boolean {
    if (!last || revocations > last.revocation_sequence) return true;
    return this.#now().getTime() >= last.next_update - this.#settings.crlOverlap * 1000;
  }

  /** False when, looked at again inside the transaction, `isStillDue` says no: another process was first. */
  async #sign(
    { id, issuer }: Authority,
    requester: Requester,
    isStillDue: (last: CrlHeader | undefined) => boolean,
  ): Promise<boolean> {
    const entry = { action: 'crl.sign', actor: requester.actor, requestId: requester.requestId, subject: id };
    await this.#audit.append({ ...entry, phase: 'intent' });
    // Before the transaction: opening a key is slow, and recorded by itself.
    await issuer.open();
    return this.#store.transaction(async (transaction) => {
      const last = await lastCrlHeader(transaction, id);
      if (!isStillDue(last)) {
        await this.#audit.append({ ...entry, phase: 'result', detail: { signed: 'no' } }, transaction);
        return false;
      }
      const thisUpdate = wholeSeconds(this.#now());
      const nextUpdate = new Date(thisUpdate.getTime() + this.#settings.crlLifetime * 1000);
      const number = Math.max(last?.number ?? 0, await crlFloor(transaction, id)) + 1;
      const previous = last && { number: last.number, thisUpdate: new Date(last.this_update) };
      // RFC 5280 §3.3: an entry stays until it was on one CRL issued beyond the certificate's validity.
      const revocations = await listRevocations(transaction, { issuer: id, validUntil: previous?.thisUpdate });
      const token = new CrlToken(issuer.identity, {
        algorithm: issuer.algorithm,
        number,
        thisUpdate,
        nextUpdate,
        previous,
        entries: revocations,
      });
      const crl = await issuer.signCrl(token);
      await insertCrl(transaction, {
        issuer: id,
        number,
        this_update: thisUpdate.getTime(),
        next_update: nextUpdate.getTime(),
        revocation_sequence: await lastRevocationSequence(transaction, id),
        der: crl.der,
      });
      const detail = { number: String(number), entries: String(revocations.length) };
      await this.#audit.append({ ...entry, phase: 'result', detail }, transaction);
      return true;
    });
  }

  async #publishSigned(issuer: string): Promise<PublishedCrl> {
    const crl = await this.#publishLast(issuer);
    if (!crl)
      throw new PkiError('authority_mismatch', `the store lost the revocation list of ${issuer} that was just signed`);
    return crl;
  }

  /** Puts the store's last CRL where it is served from. Two processes may do this at once: the one that wrote the older one sees it and writes again. */
  async #publishLast(issuer: string): Promise<PublishedCrl | undefined> {
    const header = await lastCrlHeader(this.#store.database, issuer);
    const served = this.#current.get(issuer);
    if (served && header?.number === served.number) {
      this.#write(served);
      return served;
    }
    const row = await lastCrl(this.#store.database, issuer);
    if (!row) return undefined;
    const crl = publishedFromRow(row);
    // Served from memory at once: a folder that is full keeps nobody from hearing of a revocation.
    this.#current.set(issuer, crl);
    const { number, thisUpdate, nextUpdate } = crl;
    this.#events.emit('crl.published', { issuer, number, thisUpdate, nextUpdate, octets: crl.der.length });
    this.#write(crl);
    return this.#publishLast(issuer);
  }

  /** Writes the file of a list, once; when that fails, it throws and is tried again the next time. */
  #write(crl: PublishedCrl): void {
    const folder = this.#settings.crlDirectory;
    if (folder === undefined || this.#written.get(crl.issuer) === crl) return;
    ensureFolder(folder, 0o755);
    replaceFileIfChanged(join(folder, `${crl.issuer}.crl`), crl.der, 0o644);
    this.#written.set(crl.issuer, crl);
  }

  #authority(id: string): Authority {
    const authority = this.#authorities.all.find((each) => each.id === id);
    if (!authority) throw new PkiError('authority_missing', `there is no issuer ${JSON.stringify(id.slice(0, 64))}`);
    return authority;
  }
}

function publishedFromRow(row: CrlRow): PublishedCrl {
  const { issuer, number, der } = row;
  return { issuer, number, thisUpdate: new Date(row.this_update), nextUpdate: new Date(row.next_update), der };
}

const wholeSeconds = (time: Date): Date => new Date(Math.floor(time.getTime() / 1000) * 1000);
