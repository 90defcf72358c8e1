import { DecodeError } from './decode-error.js';
import { decodeObjectIdentifier } from './object-identifier.js';
import { decodeString } from './string.js';
import { Tag } from './tag.js';
import { decodeTime } from './time.js';

// Our own bound: the deepest element that is handed out unread, a policy qualifier or an EDIPartyName, has five or six levels.
const MAX_DEPTH = 16;
// KeyUsage and ReasonFlags name nine bits (RFC 5280 §4.2.1.3, §4.2.1.13).
const MAX_NAMED_BITS = 32;
// EXTERNAL, EMBEDDED PDV, SEQUENCE, SET (X.680 §8.4).
const CONSTRUCTED_TYPES: ReadonlySet<number> = new Set([8, 11, 16, 17]);

/** A BIT STRING: its octets, and how many low bits of the last one are unused (0–7). */
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
  readonly #octets: Buffer;
  readonly #end: number;
  #at: number;
  // Where the contents of the element that was read last begin and end: two numbers instead of an object for each element.
  #from = 0;
  #to = 0;

  constructor(octets: Uint8Array, start = 0, end = octets.length) {
    // A Buffer can read text from a part of itself; a Uint8Array would need a view for each string.
    this.#octets = Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
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

  /** How many octets of this window are left. */
  get remaining(): number {
    return this.#end - this.#at;
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

  /**
   * Steps over the next element, of any type, and returns it whole: identifier, length and contents. What is inside must be well-formed DER as well, at most
   * 16 levels deep, because nobody else may ever look at it; of strings and times only that they are primitive.
   */
  element(what: string): Uint8Array {
    const start = this.#at;
    this.#step(what, 0);
    return this.#octets.subarray(start, this.#at);
  }

  /** The octets from `start`, an earlier {@link offset}, up to here. */
  since(start: number): Uint8Array {
    return this.#octets.subarray(start, this.#at);
  }

  /** A reader on `view`, which is a part of this reader's input; its offsets count from the start of the same input. */
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
    // X.690 §11.1: TRUE is FF and nothing else.
    if (this.#to - this.#from !== 1 || (value !== 0 && value !== 0xff))
      this.fail(`${what} is not a DER BOOLEAN`, start);
    return value === 0xff;
  }

  /** A `BOOLEAN DEFAULT FALSE`: false when it is absent, because DER leaves a default out (X.690 §11.5). */
  flag(what: string, tag: number = Tag.BOOLEAN): boolean {
    if (!this.has(tag)) return false;
    const start = this.#at;
    if (!this.boolean(what, tag)) this.fail(`${what} writes its default out`, start);
    return true;
  }

  /** The contents octets of an INTEGER: two's complement, big-endian, minimal (X.690 §8.3.2). */
  integer(what: string, tag: number = Tag.INTEGER): Uint8Array {
    const start = this.#at;
    const octets = this.contents(tag, what);
    const first = octets[0];
    const second = octets[1];
    if (first === undefined) this.fail(`${what} is an empty INTEGER`, start);
    if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
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

  null(what: string, tag: number = Tag.NULL): void {
    const start = this.#at;
    if (this.contents(tag, what).length > 0) this.fail(`${what} is a NULL with contents`, start);
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
    // X.690 §11.2.1: the unused bits are zero.
    if (((contents[contents.length - 1] ?? 0) & ((1 << unusedBits) - 1)) !== 0)
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

  /** A BIT STRING with named bits, at most 32: the numbers of the bits that are set. DER drops trailing zero bits (X.690 §11.2.2). */
  namedBits(what: string, tag: number = Tag.BIT_STRING): ReadonlySet<number> {
    const start = this.#at;
    const { octets, unusedBits } = this.bitString(what, tag);
    if (octets.length > MAX_NAMED_BITS / 8) this.fail(`${what} has more than ${MAX_NAMED_BITS} bits`, start);
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
    this.#header(tag, what);
    return decodeObjectIdentifier(this.#octets, this.#from, this.#to, what, start);
  }

  /**
   * A character string of any type that X.509 knows. `tag` is the expected identifier octet;
   * `type` is the string type when the tag is an IMPLICIT one.
   */
  string(what: string, tag: number = this.peek(), type: number = tag): string {
    const start = this.#at;
    this.#header(tag, what);
    return decodeString(type, this.#octets, this.#from, this.#to, what, start);
  }

  /** A UTCTime or GeneralizedTime in the form to which RFC 5280 §4.1.2.5 restricts them. */
  time(what: string): Date {
    const start = this.#at;
    const tag = this.peek();
    if (tag !== Tag.UTC_TIME && tag !== Tag.GENERALIZED_TIME) this.fail(`${what} is not a time`);
    this.#header(tag, what);
    return decodeTime(tag, this.#octets, this.#from, this.#to, what, start);
  }

  generalizedTime(what: string): Date {
    const start = this.#at;
    this.#header(Tag.GENERALIZED_TIME, what);
    return decodeTime(Tag.GENERALIZED_TIME, this.#octets, this.#from, this.#to, what, start);
  }

  #step(what: string, depth: number): void {
    const start = this.#at;
    const tag = this.peek();
    this.#header(tag, what);
    const constructed = (tag & 0x20) !== 0;
    // X.690 §8.1.5, §10.2: there is no end-of-contents, strings are primitive, and of the universal types only these four are constructed.
    if ((tag & 0xc0) === 0 && (tag === 0 || constructed !== CONSTRUCTED_TYPES.has(tag & 0x1f)))
      this.fail(`${what} has the tag ${hex(tag)}, which DER does not have`, start);
    if (!constructed) {
      new DerReader(this.#octets, start, this.#at).#checkContents(tag, what);
      return;
    }
    if (depth === MAX_DEPTH) this.fail(`${what} is nested more than ${MAX_DEPTH} levels deep`, start);
    const inner = new DerReader(this.#octets, this.#from, this.#to);
    while (!inner.done) inner.#step(what, depth + 1);
  }

  /** Reads the next element by its type, when that is one whose contents DER writes in one way only. */
  #checkContents(tag: number, what: string): void {
    switch (tag) {
      case Tag.BOOLEAN:
        this.boolean(what);
        break;
      case Tag.INTEGER:
      case Tag.ENUMERATED:
        this.integer(what, tag);
        break;
      case Tag.BIT_STRING:
        this.bitString(what);
        break;
      case Tag.NULL:
        this.null(what);
        break;
      case Tag.OBJECT_IDENTIFIER:
        this.oid(what);
    }
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
