import {
  deleteCrlParts,
  insertCrlPart,
  lastCrlHeader,
  unplacedCrls,
  type CrlPlace,
  type Store,
  type Transaction,
} from '../../store/index.js';
import type { SignedCrl } from './signed-crl.js';

/** No list is so long in the making, from its first piece in the store to its place, in milliseconds. */
const ABANDONED_AFTER = 600_000;

/** The pieces of lists that are kept in the store, for nodes that do not see our files. */
export class CrlParts {
  /** Since when lists are known of which there are pieces alone, by issuer and number. */
  readonly #unplaced = new Map<string, ReadonlyMap<number, number>>();

  constructor(private readonly store: Store) {}

  /** Keeps a list whose place it does not have yet. Throws what the store throws. */
  async keep(issuer: string, number: number, crl: SignedCrl): Promise<void> {
    let part = 0;
    for await (const octets of crl.read())
      await this.store.transaction((transaction) =>
        insertCrlPart(transaction, { issuer, number, part: part++, octets }),
      );
  }

  /** Drops those of a list that gets no place. */
  drop(transaction: Transaction, issuer: string, number: number): Promise<void> {
    return deleteCrlParts(transaction, issuer, [number]);
  }

  /** A node that is killed between keeping a list and placing it leaves its pieces. `now` in milliseconds since the epoch. */
  async dropAbandoned(transaction: Transaction, issuer: string, now: number): Promise<void> {
    const before = this.#unplaced.get(issuer);
    const numbers = await unplacedCrls(transaction, issuer);
    const since = new Map(numbers.map((number) => [number, before?.get(number) ?? now]));
    this.#unplaced.set(issuer, since);
    const abandoned = numbers.filter((number) => now - (since.get(number) ?? now) > ABANDONED_AFTER);
    await deleteCrlParts(transaction, issuer, abandoned);
  }

  /** Drops those of a list that failed: nobody asks for them, unless it was the answer of the store that was lost and not the row. */
  async dropUnplaced(place: CrlPlace, number: number): Promise<void> {
    try {
      await this.store.transaction(async (transaction) => {
        const last = await lastCrlHeader(transaction, place);
        if (last?.number !== number) await deleteCrlParts(transaction, place.issuer, [number]);
      });
    } catch {
      // What the store could not keep it may not be able to drop; why, whoever signs is told.
    }
  }
}
