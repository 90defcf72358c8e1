import { write } from '../../der/index.js';
import type { AlgorithmIdentifier } from '../../x509/index.js';
import type { LargeOctets } from '../issuer/signer.js';
import type { CheckedEntries } from './checked-entries.js';
import type { CrlFile } from './crl-file.js';

/** A tbsCertList of any size: its entries, and the octets around them. */
export interface TbsParts {
  readonly before: Uint8Array;
  readonly entries: CheckedEntries;
  readonly after: Uint8Array;
}

/** All of it, in memory. */
export async function wholeTbs({ before, entries, after }: TbsParts): Promise<Buffer> {
  const parts: Uint8Array[] = [before];
  // Each is good until the next one is asked for.
  for await (const part of entries.read()) parts.push(Buffer.from(part));
  return Buffer.concat([...parts, after]);
}

/** The octets of one whose entries are in a file. */
export const largeTbs = (tbs: TbsParts, file: CrlFile): LargeOctets => ({
  digest: (hash) => file.digest(hash, tbs),
  sign: (scheme, key) => file.sign(scheme, key, tbs),
  whole: () => wholeTbs(tbs),
});

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

  /** From its first octet to its last, in pieces, as often as wanted. A piece is good until the next one is asked for. */
  async *read(): AsyncGenerator<Uint8Array> {
    const { before, entries, after } = this.#parts;
    yield before;
    yield* entries.read();
    yield after;
  }

  /** Makes {@link file} the whole list, flushed, and gives its SHA-256 in lower-case hexadecimal. Throws PkiError `file_unwritable`. */
  complete(file: CrlFile): Promise<string> {
    return file.complete(this.#parts);
  }

  /** The whole of it, in memory: for one that is small, or has no other place. */
  whole(): Promise<Uint8Array> {
    return wholeTbs(this.#parts);
  }

  dispose(): Promise<void> {
    return this.#parts.entries.dispose();
  }
}
