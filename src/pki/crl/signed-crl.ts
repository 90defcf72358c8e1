import { write } from '../../der/index.js';
import type { AlgorithmIdentifier } from '../../x509/index.js';
import type { CheckedEntries } from './checked-entries.js';
import type { CrlFile } from './crl-file.js';

/** A tbsCertList of any size: its entries, and the octets around them. */
export interface TbsParts {
  readonly before: Uint8Array;
  readonly entries: CheckedEntries;
  readonly after: Uint8Array;
}

/** From its first octet to its last, in pieces, as often as wanted. A piece is good until the next one is asked for. */
export async function* readTbs({ before, entries, after }: TbsParts): AsyncGenerator<Uint8Array> {
  yield before;
  yield* entries.read();
  yield after;
}

/** A CRL with its signature, to be read piece by piece. */
export class SignedCrl {
  readonly #parts: TbsParts;

  constructor({ before, entries, after }: TbsParts, algorithm: AlgorithmIdentifier, signature: Uint8Array) {
    const rest = Buffer.concat([after, algorithm.der, write.bitString(signature)]);
    const header = write.encodeHeader(0x30, before.length + entries.length + rest.length);
    this.#parts = { before: Buffer.concat([header, before]), entries, after: rest };
  }

  /** How many octets it has. */
  get octets(): number {
    const { before, entries, after } = this.#parts;
    return before.length + entries.length + after.length;
  }

  /** The file that its entries are in, if they are not in memory. */
  get file(): CrlFile | undefined {
    return this.#parts.entries.file;
  }

  /** As {@link readTbs}, all of it. */
  read(): AsyncGenerator<Uint8Array> {
    return readTbs(this.#parts);
  }

  /** Makes {@link file} the whole list, flushed, and gives its SHA-256 in lower-case hexadecimal. Throws PkiError `file_unwritable`. */
  complete(file: CrlFile): Promise<string> {
    return file.complete(this.#parts.before, this.#parts.after);
  }

  /** The whole of it, in memory: for one that is small, or has no other place. */
  async whole(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    // Each is good until the next one is asked for.
    for await (const part of this.read()) parts.push(Buffer.from(part));
    return Buffer.concat(parts);
  }

  dispose(): Promise<void> {
    return this.#parts.entries.dispose();
  }
}
