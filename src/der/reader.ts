import { DecodeError } from './decode-error.js';
import { decodeObjectIdentifier } from './object-identifier.js';
import { decodeString } from './string.js';
import { Tag } from './tag.js';
import { decodeTime } from './time.js';

/** A BIT STRING: its octets and how many low bits of the last one do not count (0–7). */
export interface BitString {
  readonly octets: Uint8Array;
  readonly unusedBits: number;
}

/**
 * Walks strict DER (X.690): definite minimal lengths, one-octet tags, nothing left over. It copies nothing: whatever it hands out is a view
 * on the input. Every method throws {@link DecodeError} with the offset in the outermost input.
 *
 * A reader is a window `[start, end)`; `enter` opens a constructed element as a window of its own, and `end` insists that a window is used up.
 */
export class DerReader {
  readonly #octets: Uint8Array;
  readonly #end: number;
  #at: number;
  // Where the element read last had its contents: two numbers instead of an object for each element.
  #from = 0;
  #to = 0;

  constructor(octets: Uint8Array, start = 0, end = octets.length) {
    this.#octets = octets;
    this.#at = start;
    this.#end = end;
  }

  /** A reader for one whole object from outside: refuses more than `limit` octets before it looks at any. */
  static bounded(octets: Uint8Array, limit: number, what: string): DerReader {
    if (octets.length > limit)
      throw new DecodeError(`${what} of ${octets.length} octets is over the limit of ${limit}`, 0);
    return new DerReader(octets);
  }

  /** The offset of the next element. */
  get offset(): number {
    return this.#at;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** The next element's identifier octet, or 0 when nothing is left. */
  peek(): number {
    return this.#at < this.#end ? (this.#octets[this.#at] ?? 0) : 0;
  }

  /** Whether the next element carries `tag`. */
  has(tag: number): boolean {
    return this.peek() === tag;
  }

  fail(problem: string, offset = this.#at): never {
    throw new DecodeError(problem, offset);
  }

  /** Insists that nothing is left in this window. */
  end(what: string): void {
    if (this.#at !== this.#end) this.fail(`trailing octets in ${what}`);
  }

  /** Steps over the next element, of any type, and gives it whole: identifier, length and contents. */
  element(what: string): Uint8Array {
    const start = this.#at;
    this.#header(this.peek(), what);
    return this.#octets.subarray(start, this.#to);
  }

  /** The octets from `start`, an offset that was read before, up to here. */
  since(start: number): Uint8Array {
    return this.#octets.subarray(start, this.#at);
  }

  /** A reader on `view`, a part of this reader's input, whose offsets count from the start of that input as well. */
  on(view: Uint8Array): DerReader {
    const start = view.byteOffset - this.#octets.byteOffset;
    return new DerReader(this.#octets, start, start + view.length);
  }

  /** The contents of the next element, which must carry `tag`. */
  contents(tag: number, what: string): Uint8Array {
    this.#header(tag, what);
    return this.#octets.subarray(this.#from, this.#to);
  }

  /** A reader on the contents of the next element, which must be constructed and carry `tag`. */
  enter(tag: number, what: string): DerReader {
    this.#header(tag, what);
    return new DerReader(this.#octets, this.#from, this.#to);
  }

  /** A reader on the contents of the next element when it carries `tag`, else undefined. */
  enterIf(tag: number, what: string): DerReader | undefined {
    return this.has(tag) ? this.enter(tag, what) : undefined;
  }

  boolean(what: string, tag: number = Tag.BOOLEAN): boolean {
    const start = this.#at;
    this.#header(tag, what);
    const value = this.#octets[this.#from];
    // X.690 §11.1: TRUE is FF, nothing else.
    if (this.#to - this.#from !== 1 || (value !== 0 && value !== 0xff))
      this.fail(`${what} is not a DER BOOLEAN`, start);
    return value === 0xff;
  }

  /** The contents octets of an INTEGER: two's complement, big-endian, minimal (X.690 §8.3.2). */
  integer(what: string, tag: number = Tag.INTEGER): Uint8Array {
    const start = this.#at;
    const octets = this.contents(tag, what);
    const [first, second = 0] = octets;
    if (first === undefined) this.fail(`${what} is an empty INTEGER`, start);
    if (octets.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
      this.fail(`${what} is not a minimal INTEGER`, start);
    return octets;
  }

  /** A non-negative INTEGER of at most 2^31 - 1. */
  smallInteger(what: string, tag: number = Tag.INTEGER): number {
    const start = this.#at;
    const octets = this.integer(what, tag);
    if (octets.length > 4 || (octets[0] ?? 0) >= 0x80) this.fail(`${what} is negative or too large`, start);
    return octets.reduce((value, octet) => value * 256 + octet, 0);
  }

  enumerated(what: string): number {
    return this.smallInteger(what, Tag.ENUMERATED);
  }

  null(what: string): void {
    const start = this.#at;
    if (this.contents(Tag.NULL, what).length > 0) this.fail(`${what} is a NULL with contents`, start);
  }

  octetString(what: string, tag: number = Tag.OCTET_STRING): Uint8Array {
    return this.contents(tag, what);
  }

  bitString(what: string, tag: number = Tag.BIT_STRING): BitString {
    const start = this.#at;
    const contents = this.contents(tag, what);
    const unusedBits = contents[0];
    if (unusedBits === undefined || unusedBits > 7 || (contents.length === 1 && unusedBits > 0))
      this.fail(`${what} is not a BIT STRING`, start);
    // X.690 §11.2.1: the bits that do not count are zero.
    if (((contents[contents.length - 1] ?? 0) & ((1 << unusedBits) - 1)) !== 0 && contents.length > 1)
      this.fail(`${what} has padding bits that are not zero`, start);
    return { octets: contents.subarray(1), unusedBits };
  }

  /** The octets of a BIT STRING that has no unused bits: a key or a signature. */
  wholeOctets(what: string): Uint8Array {
    const start = this.#at;
    const { octets, unusedBits } = this.bitString(what);
    if (unusedBits !== 0) this.fail(`${what} is not whole octets`, start);
    return octets;
  }

  /** A BIT STRING with named bits: the numbers of the bits that are set. DER drops trailing zero bits (X.690 §11.2.2). */
  namedBits(what: string, tag: number = Tag.BIT_STRING): ReadonlySet<number> {
    const start = this.#at;
    const { octets, unusedBits } = this.bitString(what, tag);
    if (octets.length > 0 && (((octets[octets.length - 1] ?? 0) >> unusedBits) & 1) === 0)
      this.fail(`${what} ends in zero bits`, start);
    const set = new Set<number>();
    for (let bit = 0; bit < octets.length * 8; bit++)
      if (((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) set.add(bit);
    return set;
  }

  /** An OBJECT IDENTIFIER in dotted form. */
  oid(what: string, tag: number = Tag.OBJECT_IDENTIFIER): string {
    const start = this.#at;
    return decodeObjectIdentifier(this.contents(tag, what), what, start);
  }

  /** A character string of any type that X.509 knows; `tag` says which when it is an implicit one. */
  string(what: string, tag: number = this.peek(), type: number = tag): string {
    const start = this.#at;
    return decodeString(type, this.contents(tag, what), what, start);
  }

  /** UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 restricts them. */
  time(what: string): Date {
    const start = this.#at;
    const tag = this.peek();
    if (tag !== Tag.UTC_TIME && tag !== Tag.GENERALIZED_TIME) this.fail(`${what} is not a time`);
    return decodeTime(tag, this.contents(tag, what), what, start);
  }

  generalizedTime(what: string, tag: number = Tag.GENERALIZED_TIME): Date {
    const start = this.#at;
    return decodeTime(Tag.GENERALIZED_TIME, this.contents(tag, what), what, start);
  }

  #header(tag: number, what: string): void {
    const octets = this.#octets;
    const start = this.#at;
    const end = this.#end;
    if (start >= end) this.fail(`${what} is missing`);
    if (octets[start] !== tag) this.fail(`${what} has tag ${hex(octets[start])} where ${hex(tag)} belongs`);
    if ((tag & 0x1f) === 0x1f) this.fail(`${what} has a tag of several octets`);
    let at = start + 1;
    let length = octets[at++];
    if (length === undefined || at > end) this.fail(`${what} is cut off`, start);
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 4)
        this.fail(`${what} has ${count === 0 ? 'an indefinite' : 'an oversized'} length`, start);
      if (at + count > end) this.fail(`${what} is cut off`, start);
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (octets[at + i] ?? 0);
      if (length < 0x80 || octets[at] === 0) this.fail(`${what} has a length that is not minimal`, start);
      at += count;
    }
    if (length > end - at) this.fail(`${what} is cut off`, start);
    this.#from = at;
    this.#to = at + length;
    this.#at = this.#to;
  }
}

const hex = (octet: number | undefined): string => `0x${(octet ?? 0).toString(16).padStart(2, '0')}`;
