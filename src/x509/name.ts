import { DerReader, Tag, write } from '../der/index.js';
import { Oid } from './oids.js';

/** One attribute of a name. `value` is undefined when the type is no character string; `tag` is the value's identifier octet. */
export interface AttributeTypeAndValue {
  readonly type: string;
  readonly tag: number;
  readonly value: string | undefined;
  /** The value as it stands, identifier and length included. */
  readonly der: Uint8Array;
}

export type RelativeDistinguishedName = readonly AttributeTypeAndValue[];

/**
 * A distinguished name (RFC 5280 §4.1.2.4) as a list of lists: it is never joined into one string, so that nothing inside a value can pose as structure.
 * The `key` of two names is equal exactly when they match by RFC 5280 §7.1; `keys` says the same of each RDN. `looseKeys` lack the characters that RFC 4518
 * §2.2 maps to nothing (controls, joiners, what has no width). They are for code that refuses what matches; for code that accepts it, those characters count.
 */
export interface Name {
  readonly der: Uint8Array;
  readonly rdns: readonly RelativeDistinguishedName[];
  readonly keys: readonly string[];
  readonly looseKeys: readonly string[];
  readonly key: string;
}

const MAX_RDNS = 64;
const MAX_ATTRIBUTES = 16;
const MAX_VALUE_OCTETS = 32_768;
const STRING_TAGS: ReadonlySet<number> = new Set([
  Tag.UTF8_STRING,
  Tag.PRINTABLE_STRING,
  Tag.TELETEX_STRING,
  Tag.IA5_STRING,
  Tag.BMP_STRING,
  Tag.UNIVERSAL_STRING,
  Tag.NUMERIC_STRING,
  Tag.VISIBLE_STRING,
]);

/**
 * Reads a Name. Throws DecodeError for empty or unsorted sets, for more than 64 RDNs, 16 attributes in one of them or 32 KiB in a value, and for characters
 * outside a type's alphabet.
 */
export function decodeName(reader: DerReader, what: string): Name {
  const start = reader.offset;
  const rdns = decodeRdnSequence(reader.enter(Tag.SEQUENCE, what), what);
  return new DecodedName(reader.since(start), rdns);
}

function decodeRdnSequence(sequence: DerReader, what: string): RelativeDistinguishedName[] {
  const rdns: RelativeDistinguishedName[] = [];
  while (!sequence.done) {
    if (rdns.length === MAX_RDNS) sequence.fail(`${what} has more than ${MAX_RDNS} RDNs`);
    rdns.push(decodeRdn(sequence.enter(Tag.SET, `${what} RDN`), `${what} RDN`));
  }
  return rdns;
}

/** Reads the contents of a RelativeDistinguishedName (a SET OF, or the `[1]` of a distribution point name). */
export function decodeRdn(set: DerReader, what: string): RelativeDistinguishedName {
  const attributes: AttributeTypeAndValue[] = [];
  let previous: Uint8Array | undefined;
  while (!set.done) {
    const start = set.offset;
    const attribute = set.enter(Tag.SEQUENCE, `${what} attribute`);
    const type = attribute.oid(`${what} attribute type`);
    const tag = attribute.peek();
    const from = attribute.offset;
    let value: string | undefined;
    // What is compared and shown needs a bound: no attribute of RFC 5280 appendix A has a larger one (ub-name).
    if (attribute.remaining > MAX_VALUE_OCTETS) attribute.fail(`${what} attribute value is too long`);
    if (STRING_TAGS.has(tag)) value = attribute.string(`${what} attribute value`);
    else attribute.element(`${what} attribute value`);
    const der = attribute.since(from);
    attribute.end(`${what} attribute`);
    const whole = set.since(start);
    if (previous && Buffer.compare(previous, whole) >= 0) set.fail(`${what} is not sorted`, start);
    if (attributes.length === MAX_ATTRIBUTES) set.fail(`${what} has more than ${MAX_ATTRIBUTES} attributes`, start);
    previous = whole;
    attributes.push({ type, tag, value, der });
  }
  if (attributes.length === 0) set.fail(`${what} is empty`);
  return attributes;
}

/** A name made of `base` and one more RDN, as a distribution point's nameRelativeToCRLIssuer means it (RFC 5280 §4.2.1.13). */
export function extendName(base: Name, rdn: RelativeDistinguishedName): Name {
  return encodeName([...base.rdns, rdn]);
}

/**
 * Builds a name: each entry is one RDN, of one or several attributes. countryName, serialNumber and dnQualifier become PrintableString, emailAddress and
 * domainComponent IA5String, and the others UTF8String.
 */
export function encodeName(
  rdns: readonly (RelativeDistinguishedName | readonly { readonly type: string; readonly value: string }[])[],
): Name {
  const encoded = rdns.map((rdn) => write.setOf(...rdn.map((attribute) => encodeAttribute(attribute))));
  return decodeName(new DerReader(write.sequence(...encoded)), 'name');
}

/** The common case of {@link encodeName}: the organization, when it is given, then the common name. */
export function nameFrom(attributes: { readonly organization?: string; readonly commonName: string }): Name {
  const rdns: { type: string; value: string }[] = [{ type: Oid.commonName, value: attributes.commonName }];
  if (attributes.organization !== undefined)
    rdns.unshift({ type: Oid.organizationName, value: attributes.organization });
  return encodeName(rdns.map((attribute) => [attribute]));
}

function encodeAttribute(attribute: {
  readonly type: string;
  readonly value: string | undefined;
  readonly der?: Uint8Array;
}): Uint8Array {
  return write.sequence(write.oid(attribute.type), attribute.der ?? encodeValue(attribute.type, attribute.value ?? ''));
}

function encodeValue(type: string, value: string): Uint8Array {
  // RFC 5280 appendix A: attribute types whose syntax leaves no choice of string type.
  if (type === Oid.countryName || type === Oid.serialNumber || type === Oid.dnQualifier)
    return write.printableString(value);
  if (type === Oid.emailAddress || type === Oid.domainComponent) return write.ia5String(value);
  return write.utf8String(value);
}

/** Whether two names match (RFC 5280 §7.1: case, white space and string type do not count). */
export function sameName(a: Name, b: Name): boolean {
  return a === b || Buffer.compare(a.der, b.der) === 0 || (a.rdns.length === b.rdns.length && a.key === b.key);
}

export const isEmptyName = (name: Name): boolean => name.rdns.length === 0;

/** Every value of an attribute type, in order, whichever RDN holds it. One that is no text is empty, so that it is counted. */
export function attributeValues(name: Name, type: string): string[] {
  return name.rdns.flatMap((rdn) =>
    rdn.flatMap((attribute) => (attribute.type === type ? [attribute.value ?? ''] : [])),
  );
}

/** Most names are only ever compared octet by octet, so the keys are made when somebody asks for them. */
class DecodedName implements Name {
  #keys: readonly string[] | undefined;
  #looseKeys: readonly string[] | undefined;
  #key: string | undefined;

  constructor(
    readonly der: Uint8Array,
    readonly rdns: readonly RelativeDistinguishedName[],
  ) {}

  get keys(): readonly string[] {
    return (this.#keys ??= this.rdns.map((rdn) => rdnKey(rdn, prepare)));
  }

  get looseKeys(): readonly string[] {
    return (this.#looseKeys ??= this.rdns.map((rdn) => rdnKey(rdn, prepareLoosely)));
  }

  get key(): string {
    return (this.#key ??= this.keys.join(''));
  }
}

function rdnKey(rdn: RelativeDistinguishedName, prepareValue: (value: string) => string): string {
  const attributes = rdn.map(({ type, value, der }) =>
    value === undefined ? `${type}#${Buffer.from(der).toString('hex')}` : `${type}=${prepareValue(value)}`,
  );
  return JSON.stringify(attributes.sort());
}

// RFC 4518 §2.2: what is mapped to a space. U+FEFF is not, although `\s` and `trim` take it for one.
const SPACES = /[\t-\r\u0085\p{Z}]+/gu;
const WHITE_CONTROLS = /[\t\n\v\f\r\u0085]/g;
const MAPPED_TO_NOTHING = /[\p{Cc}\p{Cf}\p{Variation_Selector}\u034f\u1806\ufffc]/gu;
// Composing takes time in the square of the number of marks in a row, of which no language has more than a few (UAX #15 §13 draws the line here); and two
// characters become a whole phrase each.
const COSTLY = /(?<!\p{M})\p{M}{31}|(?:[\ufdfa\ufdfb][^\ufdfa\ufdfb]*){9}/u;

/** Visible ASCII with single spaces within. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;

/**
 * The string preparation of RFC 4518 as far as RFC 5280 §7.1 needs it: compatibility composition, case folding, white space. Characters that RFC 4518 §2.2
 * drops (NUL, soft hyphen, zero width) count here, because dropping them could only make more names equal. Where that is the safer side,
 * {@link prepareLoosely} drops them.
 */
function prepare(value: string): string {
  // Nothing in these composes, and there is one way to fold them. That is most names, at a fraction of the time.
  if (PLAIN.test(value)) return value.toLowerCase();
  // Such a value is compared as it stands.
  if (COSTLY.test(value)) return value;
  // Lower, upper and lower case again: fewer steps would leave some apart (ẞ, ß and SS, the two small sigmas). The dotless i has the capital of the other i,
  // but is not folded (RFC 3454 B.2).
  const folded = value.normalize('NFKC').replace(/[^ı]+/g, (part) => part.toLowerCase().toUpperCase().toLowerCase());
  return folded.normalize('NFKC').replace(SPACES, ' ').replace(/^ | $/g, '');
}

const prepareLoosely = (value: string): string =>
  prepare(value.replace(WHITE_CONTROLS, ' ').replace(MAPPED_TO_NOTHING, ''));

const SHORT: Readonly<Record<string, string>> = {
  [Oid.commonName]: 'CN',
  [Oid.organizationName]: 'O',
  [Oid.organizationalUnitName]: 'OU',
  [Oid.countryName]: 'C',
  [Oid.stateOrProvinceName]: 'ST',
  [Oid.localityName]: 'L',
  [Oid.streetAddress]: 'STREET',
  [Oid.domainComponent]: 'DC',
  [Oid.userId]: 'UID',
};

// Names from outside stand in logs and errors: this bounds the room that one takes there, and the work of writing it down.
const MAX_TEXT = 512;

/**
 * RFC 4514 text, for people: the last RDN first, special and control characters escaped, cut with an ellipsis after 512 characters. It is not to be parsed.
 */
export function nameToString(name: Name): string {
  let text = '';
  for (const rdn of name.rdns.toReversed()) {
    for (const attribute of rdn) {
      const separator = text === '' ? '' : attribute === rdn[0] ? ',' : '+';
      text += separator + attributeToString(attribute);
      if (text.length > MAX_TEXT) return `${text.slice(0, MAX_TEXT)}…`;
    }
  }
  return text;
}

function attributeToString({ type, value, der }: AttributeTypeAndValue): string {
  const label = SHORT[type] ?? type;
  // Cut before it is escaped, but one character too late, so that the whole text is seen to be too long.
  if (value === undefined) return `${label}=#${Buffer.from(der.subarray(0, MAX_TEXT + 1)).toString('hex')}`;
  return `${label}=${escapeValue(value.slice(0, MAX_TEXT + 1))}`;
}

const NOTHING_TO_ESCAPE = /^[\w.:/@*-]+(?: [\w.:/@*-]+)*$/;

function escapeValue(value: string): string {
  if (NOTHING_TO_ESCAPE.test(value)) return value;
  return value
    .replace(/[\\,+"<>;=]/g, '\\$&')
    .replace(/^[ #]| $/g, '\\$&')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
      [...Buffer.from(character, 'utf8')].map((octet) => `\\${octet.toString(16).padStart(2, '0')}`).join(''),
    );
}
