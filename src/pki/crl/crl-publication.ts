import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { EventBus } from '../../events/index.js';
import { crlParts, lastCrl, lastCrlHeader, type CrlHeader, type CrlPlace, type Store } from '../../store/index.js';
import { flushFolder, replaceFileIfChanged } from '../publication/atomic-file.js';
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

/** Until then a temporary file may be somebody's who is still writing. */
const ABANDONED = 600_000;

/** The lists that are served: in memory while they are small, else the files of the publication folder, which the rows of the store vouch for. */
export class CrlPublication {
  readonly #store: Store;
  readonly #events: EventBus;
  readonly #folder: string | undefined;
  readonly #current = new Map<string, PublishedCrl & { readonly retire: () => void }>();

  constructor(parts: { readonly store: Store; readonly events: EventBus; readonly folder: string | undefined }) {
    this.#store = parts.store;
    this.#events = parts.events;
    this.#folder = parts.folder;
  }

  /** What is served now. */
  current(place: CrlPlace): PublishedCrl | undefined {
    return this.#current.get(keyOf(place));
  }

  /** Where large lists are put together. */
  get folder(): string | undefined {
    if (this.#folder !== undefined) mkdirSync(this.#folder, { recursive: true, mode: 0o755 });
    return this.#folder;
  }

  /** Writes a list beside the one that is served. Without a folder it is only digested. */
  async write(place: CrlPlace, crl: Pick<SignedCrl, 'read'>): Promise<WrittenCrl> {
    const path = this.#pathOf(place);
    const hash = createHash('sha256');
    if (path === undefined) {
      for await (const piece of crl.read()) hash.update(piece);
      return { sha256: hash.digest('hex'), place: () => undefined, discard: () => Promise.resolve() };
    }
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    removeAbandoned(path);
    const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
    const discard = (): Promise<void> => rm(temporary, { force: true });
    try {
      const file = await open(temporary, 'wx', 0o644);
      try {
        for await (const piece of crl.read()) {
          hash.update(piece);
          await file.writeFile(piece);
        }
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await discard();
      throw error;
    }
    return {
      sha256: hash.digest('hex'),
      place: () => {
        renameSync(temporary, path);
        flushFolder(dirname(path));
      },
      discard,
    };
  }

  /**
   * Serves the store's last list of a place from now on. Undefined when there is none, or when it was too large for its row and its file is not
   * there: it is lost, and another one has to be signed.
   */
  async serveLast(place: CrlPlace): Promise<PublishedCrl | undefined> {
    const header = await lastCrlHeader(this.#store.database, place);
    const served = this.#current.get(keyOf(place));
    if (!header) return undefined;
    if (header.number === served?.number) return served;
    const octets = await this.#octetsOf(header);
    if (!octets) return undefined;
    const { issuer, scope, number } = header;
    const [thisUpdate, nextUpdate] = [new Date(header.this_update), new Date(header.next_update)];
    const sha256 = header.sha256 ?? (await sha256Of(octets.read()));
    const crl = { issuer, scope, number, thisUpdate, nextUpdate, octets: octets.length, sha256 };
    this.#current.set(keyOf(place), { ...crl, read: octets.read, retire: octets.retire });
    served?.retire();
    this.#events.emit('crl.published', { issuer, scope, number, thisUpdate, nextUpdate, octets: octets.length });
    // Another one may have been signed meanwhile.
    return this.serveLast(place);
  }

  /** Gives back every open file. Nothing is served afterwards. */
  close(): void {
    for (const { retire } of this.#current.values()) retire();
    this.#current.clear();
  }

  async #octetsOf(header: CrlHeader): Promise<PublishedOctets | undefined> {
    const path = this.#pathOf(header);
    const der =
      header.sha256 === null || path === undefined ? (await lastCrl(this.#store.database, header))?.der : null;
    if (der) {
      if (path !== undefined) {
        mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
        replaceFileIfChanged(path, der, 0o644);
      }
      return octetsInMemory(der);
    }
    if (path === undefined) return undefined;
    return (await verified(path, header)) ?? (await this.#fromParts(path, header));
  }

  /** A list that another node signed, from the store. */
  async #fromParts(path: string, header: CrlHeader): Promise<PublishedOctets | undefined> {
    const parts = crlParts(this.#store.database, header.issuer, header.number);
    const written = await this.write(header, { read: () => parts });
    if (written.sha256 === header.sha256) written.place();
    await written.discard();
    return verified(path, header);
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

/** What a process that was killed amid writing left behind. */
function removeAbandoned(path: string): void {
  for (const name of readdirSync(dirname(path))) {
    if (!name.startsWith(`.${basename(path)}.`) || !name.endsWith('.tmp')) continue;
    const file = join(dirname(path), name);
    const { mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > ABANDONED) rmSync(file, { force: true });
  }
}
