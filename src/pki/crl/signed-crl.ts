import { write } from '../../der/index.js';
import type { AlgorithmIdentifier } from '../../x509/index.js';

/** A tbsCertList of any size. */
export interface TbsParts {
  readonly length: number;
  /** From its first octet to its last, in pieces, as often as wanted. */
  read(): AsyncGenerator<Uint8Array>;
  /** Gives back what it takes; nothing is read afterwards. */
  dispose(): Promise<void>;
}

/** A CRL with its signature, to be read piece by piece. */
export class SignedCrl {
  readonly #tbs: TbsParts;
  readonly #before: Uint8Array;
  readonly #after: Uint8Array;

  constructor(tbs: TbsParts, algorithm: AlgorithmIdentifier, signature: Uint8Array) {
    this.#tbs = tbs;
    this.#after = Buffer.concat([algorithm.der, write.bitString(signature)]);
    this.#before = write.encodeHeader(0x30, tbs.length + this.#after.length);
  }

  /** How many octets it has. */
  get octets(): number {
    return this.#before.length + this.#tbs.length + this.#after.length;
  }

  /** From its first octet to its last, as often as wanted. */
  async *read(): AsyncGenerator<Uint8Array> {
    yield this.#before;
    yield* this.#tbs.read();
    yield this.#after;
  }

  /** The whole of it, in memory: for one that is small, or has no other place. */
  async whole(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    // Each is good until the next one is asked for.
    for await (const part of this.read()) parts.push(Buffer.from(part));
    return Buffer.concat(parts);
  }

  dispose(): Promise<void> {
    return this.#tbs.dispose();
  }
}
