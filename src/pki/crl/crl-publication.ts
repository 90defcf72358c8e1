import { hash, randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { EventBus } from '../../events/index.js';
import {
  crlParts,
  isFirstOfItsTime,
  lastCrl,
  lastCrlHeader,
  type CrlHeader,
  type CrlPlace,
  type Store,
} from '../../store/index.js';
import {
  ensureFolder,
  flushFolderAside,
  removeLeftovers,
  replaceFileIfChanged,
  unwritable,
} from '../publication/atomic-file.js';
import { octetsInMemory, octetsOfFile, sha256Of, type PublishedOctets } from '../publication/published-octets.js';
import type { CrlFile } from './crl-file.js';
import { crlFileName } from './crl-scope.js';
import type { SignedCrl } from './signed-crl.js';

/** A CRL as it is served. */
export interface PublishedCrl {
  readonly issuer: string;
  /** `complete`, `delta`, or the number of a shard. */
  readonly scope: string;
  readonly number: number;
  readonly thisUpdate: Date;
  /** thisUpdate; undefined where a list before has the same: by a time nobody could tell the two apart. */
  readonly lastModified: Date | undefined;
  readonly nextUpdate: Date;
  /** How many there are. */
  readonly octets: number;
  /** SHA-256 of its octets, lower-case hexadecimal. */
  readonly sha256: string;
  /** The octets `[start, end)`, in pieces. */
  readonly read: PublishedOctets['read'];
}

/** The whole of a CRL that is served, in memory. */
export async function readPublished({ read }: PublishedCrl): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of read()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A list that is written and flushed, under a name of its own. */
export interface WrittenCrl {
  readonly sha256: string;
  /** Gives it the name that it is served under. Nobody sees a part of it. Throws PkiError `file_unwritable`. */
  readonly place: () => Promise<void>;
}

const FOLDER_MODE = 0o755;

/** A list that is served. */
interface ServedList extends PublishedCrl {
  readonly retire: () => void;
  /** The octets of one that is in memory and not in its file yet, and should be. */
  unwritten: Uint8Array | undefined;
}

/** The lists that are served: in memory while they are small, else the files of the publication folder, which the rows of the store vouch for. */
export class CrlPublication {
  readonly #store: Store;
  readonly #events: EventBus;
  readonly #folder: string | undefined;
  readonly #current = new Map<string, ServedList>();
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

  /** All that is served of an issuer. */
  of(issuer: string): readonly PublishedCrl[] {
    return [...this.#current.values()].filter((list) => list.issuer === issuer);
  }

  /** The name of a file in which a large list can be put together, beside the one that is served; undefined where nothing can be written. */
  draft(place: CrlPlace): string | undefined {
    const path = this.#pathOf(place);
    if (path === undefined) return undefined;
    const folder = dirname(path);
    try {
      ensureFolder(folder, FOLDER_MODE);
      accessSync(folder, constants.W_OK);
    } catch {
      return undefined;
    }
    removeLeftovers(folder);
    return join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
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
   * Serves the store's last list of a place from now on, and writes its file. Undefined when there is none, or when it was too large for its row and its
   * file is not there: it is lost, and another one has to be signed. Throws PkiError `file_unwritable`: served it is all the same, and the next call tries again.
   */
  async serveLast(place: CrlPlace): Promise<PublishedCrl | undefined> {
    const header = await lastCrlHeader(this.#store.database, place);
    const served = this.#current.get(keyOf(place));
    if (!header) return undefined;
    if (header.number === served?.number) {
      this.#writeFile(served);
      return served;
    }
    const found = await this.#octetsOf(header);
    if (!found) return undefined;
    const { octets, unwritten } = found;
    const { issuer, scope, number } = header;
    const [thisUpdate, nextUpdate] = [new Date(header.this_update), new Date(header.next_update)];
    const sha256 = header.sha256 ?? (await sha256Of(octets.read()));
    const lastModified = (await isFirstOfItsTime(this.#store.database, header)) ? thisUpdate : undefined;
    const crl = { issuer, scope, number, thisUpdate, lastModified, nextUpdate, octets: octets.length, sha256 };
    const list: ServedList = { ...crl, read: octets.read, retire: octets.retire, unwritten };
    if (this.#current.get(keyOf(place)) !== served) {
      // Another call was here meanwhile, for a newer one perhaps.
      octets.retire();
      return this.serveLast(place);
    }
    // Served at once: a folder that is full keeps nobody from hearing of a revocation.
    this.#current.set(keyOf(place), list);
    served?.retire();
    this.#events.emit('crl.published', { issuer, scope, number, thisUpdate, nextUpdate, octets: octets.length });
    this.#writeFile(list);
    // Another one may have been signed meanwhile.
    return this.serveLast(place);
  }

  /** Gives back every open file. Nothing is served afterwards. */
  close(): void {
    for (const { retire } of this.#current.values()) retire();
    this.#current.clear();
    this.#placed?.octets.retire();
  }

  /** The file of a list that its row has, once. */
  #writeFile(list: ServedList): void {
    const path = this.#pathOf(list);
    if (!list.unwritten || path === undefined) return;
    ensureFolder(dirname(path), FOLDER_MODE);
    replaceFileIfChanged(path, list.unwritten, 0o644);
    list.unwritten = undefined;
  }

  async #octetsOf(
    header: CrlHeader,
  ): Promise<{ readonly octets: PublishedOctets; readonly unwritten: Uint8Array | undefined } | undefined> {
    const der = header.sha256 === null ? (await lastCrl(this.#store.database, header))?.der : null;
    if (der) return { octets: octetsInMemory(der), unwritten: der };
    const path = this.#pathOf(header);
    const file = path === undefined ? undefined : (this.#takePlaced(header) ?? (await verified(path, header)));
    return file ? { octets: file, unwritten: undefined } : this.#fromParts(path, header);
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

  /** The file that was placed a moment ago, with its digest taken: it is not read again. */
  #takePlaced({ octets: length, sha256 }: CrlHeader): PublishedOctets | undefined {
    if (this.#placed?.sha256 !== sha256 || this.#placed.octets.length !== length) return undefined;
    const { octets } = this.#placed;
    this.#placed = undefined;
    return octets;
  }

  /** A list that another node signed, from the store: into its file, or into memory where there can be none. */
  async #fromParts(
    path: string | undefined,
    header: CrlHeader,
  ): Promise<{ readonly octets: PublishedOctets; readonly unwritten: Uint8Array | undefined } | undefined> {
    const parts = () => crlParts(this.#store.database, header.issuer, header.number);
    const file = path === undefined ? undefined : await this.#fileOf(path, header, parts);
    if (file) return { octets: file, unwritten: undefined };
    const pieces: Uint8Array[] = [];
    for await (const piece of parts()) pieces.push(piece);
    const whole = Buffer.concat(pieces);
    return hash('sha256', whole) === header.sha256 ? { octets: octetsInMemory(whole), unwritten: whole } : undefined;
  }

  async #fileOf(
    path: string,
    header: CrlHeader,
    read: () => AsyncGenerator<Uint8Array>,
  ): Promise<PublishedOctets | undefined> {
    const draft = this.draft(header);
    if (draft === undefined) return undefined;
    try {
      await writeFile(draft, read(), { flag: 'wx', mode: 0o644, flush: true });
      const file = await verified(draft, header);
      file?.retire();
      return file && (await named(draft, path));
    } catch (error) {
      // Of the file system, and not of where the list comes from.
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

/** A file that gets its name, as it is now: whatever takes the name later. Throws what the file system throws. */
async function named(draft: string, path: string): Promise<PublishedOctets> {
  const octets = octetsOfFile(draft);
  try {
    await rename(draft, path);
    await flushFolderAside(dirname(path));
    return octets;
  } catch (error) {
    octets.retire();
    throw error;
  }
}

/** As {@link named}. What was so long in the making that its draft was taken for one left behind is not lost: it is open. */
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

/** The file, when it is what its row says. */
async function verified(path: string, { octets, sha256 }: CrlHeader): Promise<PublishedOctets | undefined> {
  if (!existsSync(path)) return undefined;
  const file = octetsOfFile(path);
  if (file.length === octets && (await sha256Of(file.read())) === sha256) return file;
  file.retire();
  return undefined;
}
