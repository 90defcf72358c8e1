import { listCrossCertificates, listIssuers, type Store } from '../../store/index.js';
import { PkiError } from '../pki-error.js';
import { authorityFromRow, type Authority, type AuthorityKeys } from './authority.js';

/** Our CAs as they are now: the roots first, each kind oldest first. Another array once anything about them has changed. */
export interface CurrentAuthorities {
  readonly all: readonly Authority[];
}

/** Our CAs as the store has them, read again by {@link refresh}. */
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

  /** Reads them. Throws PkiError `authority_missing` when there are none, `key_file_exposed`, and what the store throws. */
  static async open(store: Store, keys: AuthorityKeys, now: () => Date): Promise<Authorities> {
    const authorities = new Authorities(store, keys, now);
    await authorities.refresh();
    return authorities;
  }

  get all(): readonly Authority[] {
    return this.#all;
  }

  /** The authority of that id. Throws PkiError `issuer_unknown`. */
  named(id: string): Authority {
    const authority = this.#all.find((each) => each.id === id);
    if (!authority) throw new PkiError('issuer_unknown', `there is no CA ${JSON.stringify(id.slice(0, 64))}`);
    return authority;
  }

  /** Reads what changed, by this process or another. True when anything did. Throws as {@link open}; then they are what they were. */
  refresh(): Promise<boolean> {
    // One after the other: who began to read first might have the last word.
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
