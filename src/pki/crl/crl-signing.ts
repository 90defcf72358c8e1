import type { AuditLog } from '../../audit/index.js';
import {
  firstCurrentCrlHeader,
  insertCrl,
  lastCrlHeader,
  lastRevocationSequence,
  takeCrlNumber,
  type CrlHeader,
  type CrlPlace,
  type Database,
  type Store,
  type Transaction,
} from '../../store/index.js';
import { earliestNow } from '../earliest-now.js';
import type { Authority } from '../issuer/authority.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings, Requester } from '../pki-settings.js';
import { IN_MEMORY } from './checked-entries.js';
import { crlEntries } from './crl-entries.js';
import { OCTETS_AN_ENTRY } from './crl-file-protocol.js';
import { CrlFileThread } from './crl-file-thread.js';
import { CrlParts } from './crl-parts.js';
import type { CrlPublication } from './crl-publication.js';
import { COMPLETE, crlUrl, DELTA, isBase, isShard } from './crl-scope.js';
import { checkClock, CrlToken, type CrlTerms } from './crl-token.js';
import { placesOfShard } from './shard-places.js';
import type { SignedCrl } from './signed-crl.js';

/** What is to be signed, for whom. */
export interface Wanted {
  readonly authority: Authority;
  readonly scope: string;
  readonly requester: Requester;
  /** Whether there is need of it, with the last list as it is when that is looked at. */
  readonly isDue: (last: CrlHeader | undefined) => boolean;
}

type Updates = Pick<CrlTerms, 'thisUpdate' | 'nextUpdate'>;

/** A list whose number is taken: what it will say, and what it must have. */
interface Begun {
  readonly terms: Omit<CrlTerms, 'thisUpdate' | 'nextUpdate'>;
  /** Its base, of a delta. */
  readonly base: CrlHeader | undefined;
  readonly last: CrlHeader | undefined;
  /** The place in the order of revocations that it must reach. */
  readonly least: number;
  /** About how many octets it will have. */
  readonly expected: number;
}

/** A list that is signed. */
interface Made extends Updates {
  readonly crl: SignedCrl;
  /** The place in the order of revocations that it reaches. */
  readonly sequence: number;
}

/** What became of a list. `crossed`: beside what another process signed meanwhile, the higher number would have the older rows or the older date. */
type Outcome = 'placed' | 'overtaken' | 'crossed';

/**
 * Makes lists, one after the other. A short transaction takes the number; the list is written from a snapshot of the rows, holding up nobody; another
 * short transaction puts it in its place, unless a newer one was first. So numbers rise strictly, across processes too, and none is used twice.
 */
export class CrlSigning {
  readonly #store: Store;
  readonly #audit: AuditLog;
  readonly #settings: PkiSettings;
  readonly #earliestNow: () => Promise<Date>;
  readonly #publication: CrlPublication;
  readonly #acknowledged: (issuer: string) => number;
  readonly #parts: CrlParts;
  #before: Promise<unknown> = Promise.resolve();

  constructor(parts: {
    readonly store: Store;
    readonly audit: AuditLog;
    readonly settings: PkiSettings;
    readonly now: () => Date;
    readonly publication: CrlPublication;
    readonly acknowledged: (issuer: string) => number;
  }) {
    this.#store = parts.store;
    this.#audit = parts.audit;
    this.#settings = parts.settings;
    this.#earliestNow = () => earliestNow(parts);
    this.#publication = parts.publication;
    this.#parts = new CrlParts(parts.store);
    this.#acknowledged = parts.acknowledged;
  }

  /**
   * Signs the list of a scope and puts it in its place. False when `isDue` says, with the last list as it is then, that there is nothing to do: another
   * process was first; and of a delta without a base. Throws PkiError as {@link CrlToken.make} and `crl_not_fresh`, and what key and store throw.
   */
  sign(wanted: Wanted): Promise<boolean> {
    const signed = this.#before.then(() => this.#sign(wanted));
    this.#before = signed.catch(() => undefined);
    return signed;
  }

  async #sign(wanted: Wanted): Promise<boolean> {
    for (;;) {
      const begun = await this.#store.transaction((transaction) => this.#begin(transaction, wanted));
      if (!begun) return false;
      const thread = begun.expected > IN_MEMORY ? new CrlFileThread() : undefined;
      let made: Made | undefined;
      try {
        // Known before the snapshot ends: that may fail.
        made = await this.#store.snapshot(
          async (database) => (made = await this.#make(database, wanted, begun, thread)),
          thread,
        );
        const outcome = await this.#place(wanted, begun, made);
        if (outcome !== 'crossed') return outcome === 'placed';
      } finally {
        await made?.crl.dispose();
        await thread?.release();
      }
    }
  }

  async #begin(transaction: Transaction, wanted: Wanted): Promise<Begun | undefined> {
    const { authority, scope, isDue } = wanted;
    const { id, issuer } = authority;
    const { publicationUrl } = this.#settings;
    const last = await lastCrlHeader(transaction, { issuer: id, scope });
    if (!isDue(last)) return undefined;
    const beside = await lastBeside(transaction, { issuer: id, scope });
    const base = scope === DELTA ? await baseOfDelta(transaction, id, await this.#earliestNow()) : undefined;
    // Without the number of its base it would be a complete list under a delta's name.
    if (scope === DELTA && !base) return undefined;
    const previous = last && { number: last.number, thisUpdate: new Date(last.this_update) };
    // Behind the look: another process may have signed while this one waited for its turn.
    checkClock(authority, { ...(await this.#updates(scope)), previous });
    const floor = this.#publication.current({ issuer: id, scope })?.number;
    const number = await takeCrlNumber(transaction, id, floor);
    await this.#audit.append(
      { ...entryOf(wanted), phase: 'intent', detail: { scope, number: String(number) } },
      transaction,
    );
    const changes = await lastRevocationSequence(transaction, id);
    return {
      terms: {
        algorithm: issuer.algorithm,
        number,
        previous,
        base: base?.number,
        freshest: isBase(this.#settings, authority, scope) ? crlUrl(publicationUrl, id, DELTA) : undefined,
        distributionPoint: isShard(scope) ? placesOfShard(this.#settings, { issuer: id, scope }, last) : undefined,
      },
      base,
      last,
      least: Math.max(this.#acknowledged(id), last?.revocation_sequence ?? 0, beside?.revocation_sequence ?? 0),
      expected: (last?.octets ?? 0) + (changes - (last?.revocation_sequence ?? 0)) * OCTETS_AN_ENTRY,
    };
  }

  /**
   * Writes and signs it; one that is too large for memory in `thread`. Throws PkiError `crl_not_fresh` where `database` lacks what somebody was told of, or
   * what the last lists had.
   */
  async #make(
    database: Database,
    { authority, scope }: Wanted,
    { terms, base, last, least, expected }: Begun,
    thread: CrlFileThread | undefined,
  ): Promise<Made> {
    const { id, issuer } = authority;
    const sequence = await lastRevocationSequence(database, id);
    if (sequence < least)
      throw new PkiError(
        'crl_not_fresh',
        `the store has ${sequence} changes of revocations by ${id}, and ${least} were acknowledged: the list would lack some`,
      );
    const before = base ?? last;
    const contents = {
      issuer: id,
      scope,
      after: base?.revocation_sequence ?? 0,
      until: sequence,
      validUntil: before && new Date(before.this_update),
    };
    // Later than everything that the snapshot has.
    const updates = await this.#updates(scope);
    const entries = crlEntries(database, contents, { isElsewhere: thread?.hasRows === true });
    const path = () => this.#publication.draft({ issuer: id, scope });
    const token = await CrlToken.make(issuer.identity, { ...terms, ...updates }, entries, { path, expected, thread });
    return { crl: await issuer.signCrl(token), sequence, ...updates };
  }

  async #updates(scope: string): Promise<Updates> {
    const { crlLifetime, crlDeltaLifetime = 0 } = this.#settings;
    const thisUpdate = wholeSeconds(await this.#earliestNow());
    const lifetime = scope === DELTA ? crlDeltaLifetime : crlLifetime;
    return { thisUpdate, nextUpdate: new Date(thisUpdate.getTime() + lifetime * 1000) };
  }

  async #place(wanted: Wanted, { terms }: Begun, made: Made): Promise<Outcome> {
    const { scope, authority, isDue } = wanted;
    const { crl, sequence, thisUpdate, nextUpdate } = made;
    const place = { issuer: authority.id, scope };
    const { number, base, freshest, distributionPoint = freshest === undefined ? undefined : [freshest] } = terms;
    // Where there can be no file its row has all of it.
    const written = await this.#publication.complete(place, crl);
    const row = {
      ...place,
      number,
      base_number: base ?? null,
      this_update: thisUpdate.getTime(),
      next_update: nextUpdate.getTime(),
      revocation_sequence: sequence,
      octets: crl.octets,
      sha256: written?.sha256 ?? null,
      der: written ? null : await crl.whole(),
      distribution_points: distributionPoint ? JSON.stringify(distributionPoint) : null,
    };
    const isInParts = written !== undefined && this.#store.isShared;
    try {
      if (isInParts) await this.#parts.keep(place.issuer, number, crl);
      return await this.#store.transaction(async (transaction) => {
        const last = await lastCrlHeader(transaction, place);
        const outcome = isDue(last) ? outcomeOf(row, last, await lastBeside(transaction, place)) : 'overtaken';
        const isPlaced = outcome === 'placed';
        const detail = isPlaced ? { scope, number: String(number), octets: String(crl.octets) } : { signed: 'no' };
        await this.#audit.append({ ...entryOf(wanted), phase: 'result', detail }, transaction);
        if (!isPlaced) {
          await this.#parts.drop(transaction, place.issuer, number);
          return outcome;
        }
        await insertCrl(transaction, row);
        await this.#parts.dropAbandoned(transaction, place.issuer, thisUpdate.getTime());
        // Last, and while nobody else can write: of two lists the newer one is placed last. Should this not be committed, the file is whole, and its
        // number is not given out again.
        await written?.place();
        return outcome;
      });
    } catch (error) {
      if (isInParts) await this.#parts.dropUnplaced(place, number);
      throw error;
    }
  }
}

/**
 * The base of the next delta: the first complete list that has not ended. Who keeps a list until then can add the delta to it, and does not call good again
 * what an earlier delta revoked (RFC 5280 §5.2.4).
 */
export const baseOfDelta = (database: Database, issuer: string, now: Date): Promise<CrlHeader | undefined> =>
  firstCurrentCrlHeader(database, { issuer, scope: COMPLETE }, now);

/** The last complete list beside a delta, and the other way round; undefined of a shard, which has no delta. */
async function lastBeside(database: Database, { issuer, scope }: CrlPlace): Promise<CrlHeader | undefined> {
  if (isShard(scope)) return undefined;
  return lastCrlHeader(database, { issuer, scope: scope === DELTA ? COMPLETE : DELTA });
}

type Compared = Pick<CrlHeader, 'number' | 'revocation_sequence' | 'this_update'>;

/** What becomes of a list, by the last one of its scope and {@link lastBeside}, as they are when it is to be placed. */
function outcomeOf(one: Compared, last: Compared | undefined, beside: Compared | undefined): Outcome {
  if (last && (last.number > one.number || last.revocation_sequence > one.revocation_sequence)) return 'overtaken';
  // A date before that of the last one is what a replayed list has.
  if (last && last.this_update > one.this_update) return 'crossed';
  return beside && areCrossed(one, beside) ? 'crossed' : 'placed';
}

/** Who has a complete list and a delta believes the higher number (RFC 5280 §5.2.4): with older rows it would take back what the other one says. */
function areCrossed(one: Compared, other: Compared): boolean {
  const [lower, higher] = one.number < other.number ? [one, other] : [other, one];
  return lower.revocation_sequence > higher.revocation_sequence;
}

const entryOf = ({ authority, requester: { actor, requestId } }: Wanted) => ({
  action: 'crl.sign',
  actor,
  requestId,
  subject: authority.id,
});

const wholeSeconds = (time: Date): Date => new Date(Math.floor(time.getTime() / 1000) * 1000);
