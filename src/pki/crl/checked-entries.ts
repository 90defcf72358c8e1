import { randomInt } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { CrlEntriesLint, lintFindingToString, type LintFinding } from '../../x509/index.js';
import { readBack } from '../read-back.js';
import type { EntryPiece } from './crl-entries.js';
import type { CrlFile } from './crl-file.js';
import { entryRefusal } from './entry-refusal.js';

/** Entries up to this many octets are kept in memory. Such lists need neither a thread nor, before they are signed, a file. */
export const IN_MEMORY = 1024 * 1024;

/** The list that the entries are for. */
export interface EntryTerms {
  readonly isDelta: boolean;
  readonly thisUpdate: Date;
  /** The entries are known to be too many for memory. */
  readonly isLarge?: boolean;
  /** Makes the file for entries that are too many for memory. */
  readonly openFile: () => Promise<CrlFile>;
}

/** Entries of a list that were linted, each by itself and all of them together: in memory while they are few, otherwise in a file. */
export class CheckedEntries {
  /** The file that they are in, if they are not in memory. */
  readonly file: CrlFile | undefined;
  readonly #pieces: readonly Uint8Array[];

  private constructor(pieces: readonly Uint8Array[], file?: CrlFile) {
    this.#pieces = pieces;
    this.file = file;
  }

  /**
   * `entries` come in pieces of whole entries, or as what they are read with by the thread of the file. Throws PkiError `lint_failed` or `clock_behind` with
   * the first finding, `file_unwritable`, and what `entries` and the store throw.
   */
  static async check(
    entries: AsyncIterable<EntryPiece> | Iterable<EntryPiece>,
    terms: EntryTerms,
  ): Promise<CheckedEntries> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    let file: CrlFile | undefined;
    try {
      if (terms.isLarge === true) file = await terms.openFile();
      for await (const piece of entries) {
        if (!file && piece instanceof Uint8Array) {
          length += piece.length;
          if (length <= IN_MEMORY) {
            pieces.push(piece);
            continue;
          }
        }
        file ??= await terms.openFile();
        for (const before of pieces.splice(0)) await file.append(before);
        await file.append(piece);
      }
      await (file ? file.checkUnique() : checkInMemory(pieces, terms));
      return new CheckedEntries(pieces, file);
    } catch (error) {
      await file?.dispose();
      throw error;
    }
  }

  /** How many octets there are. */
  get length(): number {
    return this.file?.length ?? this.#pieces.reduce((sum, { length }) => sum + length, 0);
  }

  /** All entries, in pieces, as often as wanted. A piece is valid until the next one is asked for. */
  async *read(): AsyncGenerator<Uint8Array> {
    yield* this.file?.read() ?? this.#pieces;
  }

  /** Gives the file back. Nothing may be read afterwards. */
  async dispose(): Promise<void> {
    await this.file?.dispose();
  }
}

async function checkInMemory(pieces: readonly Uint8Array[], { isDelta, thisUpdate }: EntryTerms): Promise<void> {
  const lint = new CrlEntriesLint({ isDelta, thisUpdate, key: [randomInt(0x1_0000_0000), randomInt(0x1_0000_0000)] });
  for (const piece of pieces) {
    refuse(readBack(() => lint.check(piece)));
    await setImmediate();
  }
  for (const finding of lint.checkUnique(() => pieces)) refuse(finding);
}

function refuse(finding: LintFinding | undefined): void {
  if (finding) throw entryRefusal(lintFindingToString(finding));
}
