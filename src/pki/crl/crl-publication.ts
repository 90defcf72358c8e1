import { createHash, hash, randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, renameSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { EventBus } from '../../events/index.js';
import { crlParts, lastCrl, lastCrlHeader, type CrlHeader, type CrlPlace, type Store } from '../../store/index.js';
import { PkiError } from '../pki-error.js';
import {
  ensureFolder,
  flushFolder,
  removeLeftovers,
  replaceFileIfChanged,
  unwritable,
} from '../publication/atomic-file.js';
import { octetsInMemory, octetsOfFile, sha256Of, type PublishedOctets } from '../publication/published-octets.js';
import { crlFileName } from './crl-scope.js';
import type { SignedCrl } from './signed-crl.js';

/** A CRL as it is served. */
export interface PublishedCrl {
  readonly issuer: string;
  /** `complete`, `delta`, or the number of a shard. */
  readonly scope: string;
  readonly number: number;
  readonly thisUpdate: Date;
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
  /** Gives it the name that it is served under. At once, and nobody sees a part of it. */
  place(): void;
  /** Removes it, if it was not placed. */
  discard(): Promise<void>;
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

  /** Where large lists are put together; undefined where nothing can be written to the folder of the lists. */
  get folder(): string | undefined {
    if (this.#folder === undefined) return undefined;
    try {
      ensureFolder(this.#folder, FOLDER_MODE);
      accessSync(this.#folder, constants.W_OK);
      return this.#folder;
    } catch {
      return undefined;
    }
  }

  /** Writes a list beside the one that is served. Undefined without a folder. Throws PkiError `file_unwritable`. */
  async write(place: CrlPlace, crl: Pick<SignedCrl, 'read'>): Promise<WrittenCrl | undefined> {
    const path = this.#pathOf(place);
    if (path === undefined) return undefined;
    ensureFolder(dirname(path), FOLDER_MODE);
    removeLeftovers(dirname(path));
    const digest = createHash('sha256');
    const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
    const discard = (): Promise<void> => rm(temporary, { force: true });
    try {
      const file = await open(temporary, 'wx', 0o644);
      try {
        for await (const piece of crl.read()) {
          digest.update(piece);
          await file.writeFile(piece);
        }
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await discard();
      // Of the file system, and not of where the list comes from.
      throw error instanceof Error && 'syscall' in error ? unwritable(path, error) : error;
    }
    return {
      sha256: digest.digest('hex'),
      place: () => {
        try {
          renameSync(temporary, path);
          flushFolder(dirname(path));
        } catch (error) {
          throw unwritable(path, error);
        }
      },
      discard,
    };
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
    const crl = { issuer, scope, number, thisUpdate, nextUpdate, octets: octets.length, sha256 };
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
    const file = path === undefined ? undefined : await verified(path, header);
    return file ? { octets: file, unwritten: undefined } : this.#fromParts(path, header);
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
    try {
      const written = await this.write(header, { read });
      if (written?.sha256 === header.sha256) written.place();
      await written?.discard();
      return await verified(path, header);
    } catch (error) {
      if (error instanceof PkiError && error.code === 'file_unwritable') return undefined;
      throw error;
    }
  }

  #pathOf({ issuer, scope }: CrlPlace): string | undefined {
    return this.#folder === undefined ? undefined : join(this.#folder, crlFileName(issuer, scope));
  }
}

const keyOf = ({ issuer, scope }: CrlPlace): string => `${issuer}/${scope}`;

/** The file, when it is what its row says. */
async function verified(path: string, { octets, sha256 }: CrlHeader): Promise<PublishedOctets | undefined> {
  if (!existsSync(path)) return undefined;
  const file = octetsOfFile(path);
  if (file.length === octets && (await sha256Of(file.read())) === sha256) return file;
  file.retire();
  return undefined;
}
