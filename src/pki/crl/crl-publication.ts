import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventBus } from '../../events/index.js';
import {
  crlOctets,
  crlParts,
  isFirstOfItsTime,
  lastCrlHeader,
  type CrlHeader,
  type CrlPlace,
  type Store,
} from '../../store/index.js';
import { unwritable } from '../publication/atomic-file.js';
import { draftOf, placePublicFile, replacePublicFile, writePublicFile } from '../publication/public-file.js';
import { octetsInMemory, octetsOfFile, type PublishedOctets } from '../publication/published-octets.js';
import type { CrlFile } from './crl-file.js';
import { CrlFileThread } from './crl-file-thread.js';
import { crlFileName } from './crl-scope.js';
import type { SignedCrl } from './signed-crl.js';

/** A CRL that is served. */
export interface PublishedCrl {
  readonly issuer: string;
  /** `complete`, `delta`, or the number of a shard. */
  readonly scope: string;
  readonly number: number;
  readonly thisUpdate: Date;
  /** thisUpdate; undefined when the list before it has the same, as the time would not tell the two apart. */
  readonly lastModified: Date | undefined;
  readonly nextUpdate: Date;
  /** Its length. */
  readonly octets: number;
  /** SHA-256 of its octets, lower-case hexadecimal. */
  readonly sha256: string;
  /** The octets `[start, end)`, in pieces. */
  readonly read: PublishedOctets['read'];
}

/** The whole of a CRL that is served, in memory. */
export async function readPublished({ read }: Pick<PublishedCrl, 'read'>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of read()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A list that is written and flushed under a temporary name. */
export interface WrittenCrl {
  readonly sha256: string;
  /** Gives it the name that it is served under. Nobody sees a part of it. Throws PkiError `file_unwritable`. */
  readonly place: () => Promise<void>;
}

/** The octets of a list. `unwritten` are those in memory that are not in their file yet. */
interface Found {
  readonly octets: PublishedOctets;
  readonly unwritten?: Uint8Array;
}

/** A list that is served. */
interface ServedList extends PublishedCrl {
  readonly retire: () => void;
  unwritten: Uint8Array | undefined;
}

/** The lists that are served: small ones from memory, others from the files of the publication folder, after a comparison with their rows in the store. */
export class CrlPublication {
  readonly #store: Store;
  readonly #events: EventBus;
  readonly #folder: string | undefined;
  readonly #current = new Map<string, ServedList>();
  /** The numbers of lists that were not found anywhere. */
  readonly #lost = new Map<string, number>();
  /** For each place one call at a time: a list that comes over the network, or is read through in its file, is to be read only once. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #placed: { readonly sha256: string; readonly octets: PublishedOctets } | undefined;

  constructor(parts: { readonly store: Store; readonly events: EventBus; readonly folder: string | undefined }) {
    this.#store = parts.store;
    this.#events = parts.events;
    this.#folder = parts.folder;
  }

  /** What is served now. */
  current(place: CrlPlace): PublishedCrl | undefined {
    return this.#current.get(keyOf(place));
  }

  /** The name of a file in which a large list can be put together, beside the one that is served; undefined where nothing can be written. */
  async draft(place: CrlPlace): Promise<string | undefined> {
    const path = this.#pathOf(place);
    return path === undefined ? undefined : draftOf(path).catch(() => undefined);
  }

  /** Makes the draft of a signed list whole. Undefined when it was put together elsewhere. Throws PkiError `file_unwritable`. */
  async complete(place: CrlPlace, crl: SignedCrl): Promise<WrittenCrl | undefined> {
    const path = this.#pathOf(place);
    const { file } = crl;
    if (path === undefined || file?.path === undefined) return undefined;
    const sha256 = await crl.complete(file);
    return { sha256, place: () => this.#place(file, path, sha256) };
  }

  /**
   * Serves the store's last list of a place from now on, and writes its file. Undefined when there is none, or when it was too large for its row and its file
   * is gone: then it is lost, and another one has to be signed. Throws PkiError `file_unwritable`; the list is served all the same, and the next call tries
   * again.
   */
  serveLast(place: CrlPlace): Promise<PublishedCrl | undefined> {
    const key = keyOf(place);
    const served = (this.#turns.get(key) ?? Promise.resolve()).then(() => this.#serveLast(place));
    this.#turns.set(
      key,
      served.catch(() => undefined),
    );
    return served;
  }

  /** Whether the last list of a place could not be found when it was to be served. */
  isLost({ number, ...place }: CrlHeader): boolean {
    return this.#lost.get(keyOf(place)) === number;
  }

  async #serveLast(place: CrlPlace): Promise<PublishedCrl | undefined> {
    const key = keyOf(place);
    // Another list may be signed meanwhile.
    for (;;) {
      const header = await lastCrlHeader(this.#store.database, place);
      if (!header) return undefined;
      const served = this.#current.get(key);
      if (header.number !== served?.number) {
        const list = await this.#listOf(header);
        if (list) {
          // It is served before its file is written: a full disk must not hide a revocation.
          this.#current.set(key, list);
          served?.retire();
          const { issuer, scope, number, thisUpdate, nextUpdate, octets } = list;
          this.#events.emit('crl.published', { issuer, scope, number, thisUpdate, nextUpdate, octets });
        } else if (await this.#isLast(header)) {
          this.#lost.set(key, header.number);
          return undefined;
        }
      } else if (served.unwritten) await this.#writeFile(served);
      else return served;
    }
  }

  /**
   * Removes the file of a list that there is no more: a web server or CDN that has the folder would serve it beyond its nextUpdate. Throws PkiError
   * `file_unwritable`.
   */
  async withdraw(place: CrlPlace): Promise<void> {
    const path = this.#pathOf(place);
    if (path === undefined) return;
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** Closes every open file. Nothing is served afterwards. */
  close(): void {
    for (const { retire } of this.#current.values()) retire();
    this.#current.clear();
    this.#placed?.octets.retire();
  }

  /** Writes the file of a list that is in memory, once. Other processes may write it too: the newer list stays. */
  async #writeFile(list: ServedList): Promise<void> {
    const path = this.#pathOf(list);
    if (list.unwritten && path !== undefined) await replacePublicFile(path, list.unwritten, () => this.#isLast(list));
    list.unwritten = undefined;
  }

  async #isLast(list: CrlPlace & { readonly number: number }): Promise<boolean> {
    return (await lastCrlHeader(this.#store.database, list))?.number === list.number;
  }

  async #listOf(header: CrlHeader): Promise<ServedList | undefined> {
    const { issuer, scope, number } = header;
    const [thisUpdate, nextUpdate] = [new Date(header.this_update), new Date(header.next_update)];
    const lastModified = (await isFirstOfItsTime(this.#store.database, header)) ? thisUpdate : undefined;
    const found = await this.#octetsOf(header);
    if (!found) return undefined;
    const { octets, unwritten } = found;
    const sha256 = header.sha256 ?? (await octets.sha256());
    const about = { issuer, scope, number, thisUpdate, lastModified, nextUpdate, octets: octets.length, sha256 };
    return { ...about, read: octets.read, retire: octets.retire, unwritten };
  }

  async #octetsOf(header: CrlHeader): Promise<Found | undefined> {
    const der = header.sha256 === null ? await crlOctets(this.#store.database, header) : undefined;
    if (der) return { octets: octetsInMemory(der), unwritten: der };
    const path = this.#pathOf(header);
    const file = path === undefined ? undefined : (this.#takePlaced(header) ?? (await verified(path, header)));
    return file ? { octets: file } : this.#fromParts(path, header);
  }

  async #place(file: CrlFile, path: string, sha256: string): Promise<void> {
    try {
      const octets = await namedFile(file, path);
      this.#placed?.octets.retire();
      this.#placed = { sha256, octets };
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** The file that was placed a moment ago. Its digest was taken then, so it is not read again. */
  #takePlaced({ octets: length, sha256 }: CrlHeader): PublishedOctets | undefined {
    if (this.#placed?.sha256 !== sha256 || this.#placed.octets.length !== length) return undefined;
    const { octets } = this.#placed;
    this.#placed = undefined;
    return octets;
  }

  /** Takes a list that another node signed from the store into its file, or into memory when there can be no file. */
  async #fromParts(path: string | undefined, header: CrlHeader): Promise<Found | undefined> {
    const parts = () => crlParts(this.#store.database, header.issuer, header.number);
    const file = path === undefined ? undefined : await this.#fileOf(path, header, parts);
    if (file) return { octets: file };
    const hash = createHash('sha256');
    const pieces: Uint8Array[] = [];
    for await (const piece of parts()) {
      pieces.push(piece);
      hash.update(piece);
    }
    if (hash.digest('hex') !== header.sha256) return undefined;
    const whole = Buffer.concat(pieces);
    return { octets: octetsInMemory(whole), unwritten: whole };
  }

  async #fileOf(
    path: string,
    header: CrlHeader,
    read: () => AsyncGenerator<Uint8Array>,
  ): Promise<PublishedOctets | undefined> {
    const draft = await this.draft(header);
    if (draft === undefined) return undefined;
    try {
      await writePublicFile(draft, read());
      const file = await verified(draft, header);
      return file && (await named(draft, path, file));
    } catch (error) {
      // It is an error of the file system, and not of the store that the list comes from.
      if (typeof error === 'object' && error !== null && 'syscall' in error) return undefined;
      throw error;
    } finally {
      await rm(draft, { force: true });
    }
  }

  #pathOf({ issuer, scope }: CrlPlace): string | undefined {
    return this.#folder === undefined ? undefined : join(this.#folder, crlFileName(issuer, scope));
  }
}

const keyOf = ({ issuer, scope }: CrlPlace): string => `${issuer}/${scope}`;

/** Gives a file its name, and keeps the octets that it has now, whatever file gets that name later. Throws what the file system throws. */
async function named(
  draft: string,
  path: string,
  octets = octetsOfFile(draft, CrlFileThread.closeFile),
): Promise<PublishedOctets> {
  try {
    await placePublicFile(draft, path);
    return octets;
  } catch (error) {
    octets.retire();
    throw error;
  }
}

/** As {@link named}. A draft that took so long that it was removed as one left behind is not lost, because it is still open. */
async function namedFile(file: CrlFile, path: string): Promise<PublishedOctets> {
  const draft = file.path ?? '';
  try {
    return await named(draft, path);
  } catch (error) {
    if (existsSync(draft)) throw error;
    await file.nameAgain();
    return named(draft, path);
  }
}

/** The file, when it has the length and digest that its row says. One that cannot be read to its end is as good as none: the list has another place, or is signed anew. */
async function verified(path: string, { octets, sha256 }: CrlHeader): Promise<PublishedOctets | undefined> {
  let file: PublishedOctets | undefined;
  try {
    file = octetsOfFile(path, CrlFileThread.closeFile);
    if (file.length === octets && (await file.sha256()) === sha256) return file;
  } catch {
    // It is not there, cut off meanwhile, not for us to read, or on a disk that fails.
  }
  file?.retire();
  return undefined;
}
