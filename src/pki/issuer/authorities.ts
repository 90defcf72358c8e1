import { listCrossCertificates, listIssuers, type Store } from '../../store/index.js';
import { PkiError } from '../pki-error.js';
import { authorityFromRow, type Authority, type AuthorityKeys } from './authority.js';

/**
 * The CAs of this service, as of the last look into the store: the roots first, then the issuing CAs, each kind from oldest to newest. `all` stays the same
 * array until something about a CA changes, so that callers can compare arrays to notice a change.
 */
export interface CurrentAuthorities {
  readonly all: readonly Authority[];
}

/** Holds the CAs that the store contains. {@link refresh} reads them again. */
export class Authorities implements CurrentAuthorities {
  readonly #store: Store;
  readonly #keys: AuthorityKeys;
  readonly #now: () => Date;
  #all: readonly Authority[] = [];
  #refreshing: Promise<unknown> = Promise.resolve();

  private constructor(store: Store, keys: AuthorityKeys, now: () => Date) {
    this.#store = store;
    this.#keys = keys;
    this.#now = now;
  }

  /**
   * Reads the CAs for the first time. Throws PkiError `authority_missing` when the store contains none and `key_file_exposed` when a key file is accessible to
   * others, and what the store throws.
   */
  static async open(store: Store, keys: AuthorityKeys, now: () => Date): Promise<Authorities> {
    const authorities = new Authorities(store, keys, now);
    await authorities.refresh();
    return authorities;
  }

  get all(): readonly Authority[] {
    return this.#all;
  }

  /** Returns the CA with this id. Throws PkiError `issuer_unknown` when there is none. */
  named(id: string): Authority {
    const authority = this.#all.find((each) => each.id === id);
    if (!authority) throw new PkiError('issuer_unknown', `there is no CA ${JSON.stringify(id.slice(0, 64))}`);
    return authority;
  }

  /**
   * Takes over what this or another process changed in the store, and returns whether there was a change. Throws as {@link open} does, and then keeps the CAs
   * as they were before.
   */
  refresh(): Promise<boolean> {
    // One read at a time. Otherwise a slow read that began earlier could overwrite the result of a later one.
    const refreshed = this.#refreshing.then(() => this.#read());
    this.#refreshing = refreshed.catch(() => undefined);
    return refreshed;
  }

  async #read(): Promise<boolean> {
    const { database } = this.#store;
    const issuers = await listIssuers(database);
    if (issuers.length === 0)
      throw new PkiError('authority_missing', `there is no CA in the store ${this.#store.name} yet`);
    const rows = { issuers, crossCertificates: await listCrossCertificates(database), now: this.#now() };
    const before = this.#all;
    const read = issuers
      .map((row) => {
        const known = before.find(({ id }) => id === row.id);
        const authority = authorityFromRow(row, rows, this.#keys, known);
        return known && isSame(known, authority) ? known : authority;
      })
      .toSorted((a, b) => Number(b.role === 'root') - Number(a.role === 'root'));
    if (read.length === before.length && read.every((authority, index) => authority === before[index])) return false;
    this.#all = read;
    return true;
  }
}

function isSame(a: Authority, b: Authority): boolean {
  const chainOf = ({ sentChain, crossCertificates }: Authority): string =>
    [...sentChain, ...crossCertificates].map(({ fingerprint256 }) => fingerprint256).join();
  return a.issuer === b.issuer && a.state === b.state && chainOf(a) === chainOf(b);
}
