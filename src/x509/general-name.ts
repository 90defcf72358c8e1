import { context, contextConstructed, DerReader, write } from '../der/index.js';
import { decodeName, nameToString, type Name } from './name.js';

/**
 * A GeneralName (RFC 5280 §4.2.1.6). `ip` holds 4 or 16 octets (in a name constraint 8 or 32: address and mask). The text of the other kinds is that of the
 * octets, ASCII only, and is never joined with another.
 */
export type GeneralName =
  | { readonly kind: 'other'; readonly type: string; readonly value: Uint8Array }
  | { readonly kind: 'email'; readonly value: string }
  | { readonly kind: 'dns'; readonly value: string }
  | { readonly kind: 'uri'; readonly value: string }
  | { readonly kind: 'x400' | 'ediParty'; readonly value: Uint8Array }
  | { readonly kind: 'directory'; readonly value: Name }
  | { readonly kind: 'ip'; readonly value: Uint8Array }
  | { readonly kind: 'registeredId'; readonly value: string };

export type GeneralNameKind = GeneralName['kind'];

const MAX_NAMES = 4096;

/** Reads GeneralNames under `tag`: at least one, at most 4096. Throws DecodeError. */
export function decodeGeneralNames(reader: DerReader, what: string, tag: number): GeneralName[] {
  const start = reader.offset;
  const sequence = reader.enter(tag, what);
  const names: GeneralName[] = [];
  while (!sequence.done) {
    if (names.length === MAX_NAMES) reader.fail(`${what} has more than ${MAX_NAMES} names`, start);
    names.push(decodeGeneralName(sequence, what));
  }
  if (names.length === 0) reader.fail(`${what} is empty`, start);
  return names;
}

/** Reads one GeneralName; an iPAddress has as many octets as `ipOctets` says, 4 or 16 (RFC 5280 §4.2.1.6). Throws DecodeError. */
export function decodeGeneralName(reader: DerReader, what: string, ipOctets: readonly number[] = [4, 16]): GeneralName {
  const start = reader.offset;
  const tag = reader.peek();
  switch (tag) {
    case contextConstructed(0): {
      const other = reader.enter(tag, `${what} otherName`);
      const type = other.oid(`${what} otherName type`);
      const explicit = other.enter(contextConstructed(0), `${what} otherName value`);
      const value = explicit.element(`${what} otherName value`);
      explicit.end(`${what} otherName value`);
      other.end(`${what} otherName`);
      return { kind: 'other', type, value };
    }
    case context(1):
      return { kind: 'email', value: ia5(reader, tag, `${what} rfc822Name`) };
    case context(2):
      return { kind: 'dns', value: ia5(reader, tag, `${what} dNSName`) };
    case contextConstructed(3):
      return { kind: 'x400', value: elements(reader.enter(tag, `${what} x400Address`), `${what} x400Address`) };
    case contextConstructed(4): {
      const directory = reader.enter(tag, `${what} directoryName`);
      const value = decodeName(directory, `${what} directoryName`);
      directory.end(`${what} directoryName`);
      return { kind: 'directory', value };
    }
    case contextConstructed(5):
      return { kind: 'ediParty', value: elements(reader.enter(tag, `${what} ediPartyName`), `${what} ediPartyName`) };
    case context(6):
      return { kind: 'uri', value: ia5(reader, tag, `${what} uniformResourceIdentifier`) };
    case context(7): {
      const value = reader.octetString(`${what} iPAddress`, tag);
      if (!ipOctets.includes(value.length)) reader.fail(`${what} iPAddress of ${value.length} octets`, start);
      return { kind: 'ip', value };
    }
    case context(8):
      return { kind: 'registeredId', value: reader.oid(`${what} registeredID`, tag) };
    default:
      return reader.fail(`${what} has a name of no known kind`, start);
  }
}

function elements(reader: DerReader, what: string): Uint8Array {
  const start = reader.offset;
  while (!reader.done) reader.element(what);
  return reader.since(start);
}

function ia5(reader: DerReader, tag: number, what: string): string {
  const start = reader.offset;
  const value = reader.string(what, tag, 0x16);
  // A NUL or another control character in a name has only ever been an attack (threat class of CVE-2009-2408).
  if (/\p{Cc}/u.test(value)) reader.fail(`${what} has control characters`, start);
  return value;
}

/** Encodes one GeneralName. Throws RangeError when the text does not fit its type. */
export function encodeGeneralName(name: GeneralName): Uint8Array {
  switch (name.kind) {
    case 'other':
      return write.element(contextConstructed(0), write.oid(name.type), write.explicit(0, name.value));
    case 'email':
      return write.ia5String(name.value, context(1));
    case 'dns':
      return write.ia5String(name.value, context(2));
    case 'x400':
      return write.element(contextConstructed(3), name.value);
    case 'directory':
      return write.explicit(4, name.value.der);
    case 'ediParty':
      return write.element(contextConstructed(5), name.value);
    case 'uri':
      return write.ia5String(name.value, context(6));
    case 'ip':
      return write.octetString(name.value, context(7));
    case 'registeredId':
      return write.oid(name.value, context(8));
  }
}

/** Text for people, with its kind in front: `DNS:localhost`, `IP:127.0.0.1`. */
export function generalNameToString(name: GeneralName): string {
  switch (name.kind) {
    case 'dns':
      return `DNS:${name.value}`;
    case 'email':
      return `email:${name.value}`;
    case 'uri':
      return `URI:${name.value}`;
    case 'ip':
      return `IP:${ipToString(name.value)}`;
    case 'directory':
      return `DirName:${nameToString(name.value)}`;
    case 'registeredId':
      return `RID:${name.value}`;
    case 'other':
      return `otherName:${name.type}`;
    case 'x400':
      return 'X400Name';
    case 'ediParty':
      return 'EdiPartyName';
  }
}

/**
 * Reads `DNS:localhost`, `IP:127.0.0.1` and `URI:https://…` as {@link generalNameToString} writes them; undefined for any other text. Whether the DNS name or
 * URI is well formed is not checked.
 */
export function generalNameFromString(text: string): GeneralName | undefined {
  const [, kind, value = ''] = /^(DNS|IP|URI):(.+)$/s.exec(text) ?? [];
  if (kind === 'DNS') return { kind: 'dns', value };
  if (kind === 'URI') return { kind: 'uri', value };
  const octets = kind === 'IP' ? ipFromString(value) : undefined;
  return octets && { kind: 'ip', value: octets };
}

const HOST = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads a base of name constraints (RFC 5280 §4.2.1.10): `DNS:example.org`, `IP:10.0.0.0/8` or `URI:.example.org`; undefined for any other text. Bits after the
 * length of a prefix are dropped.
 */
export function subtreeFromString(text: string): GeneralName | undefined {
  const [, kind, value = ''] = /^(DNS|URI|IP):(.+)$/.exec(text) ?? [];
  if (kind === 'DNS' && HOST.test(value)) return { kind: 'dns', value };
  if (kind === 'URI' && HOST.test(value.replace(/^\./, ''))) return { kind: 'uri', value };
  const [, address = '', length = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(kind === 'IP' ? value : '') ?? [];
  const octets = ipFromString(address);
  if (!octets || Number(length) > octets.length * 8) return undefined;
  const mask = octets.map((_, index) => 256 - 2 ** (8 - Math.min(8, Math.max(0, Number(length) - index * 8))));
  return { kind: 'ip', value: Buffer.concat([octets.map((octet, index) => octet & (mask[index] ?? 0)), mask]) };
}

/** Whether every name in one base of name constraints, as {@link subtreeFromString} reads it, is in another one as well. */
export function isSubtreeWithin(inner: GeneralName, outer: GeneralName): boolean {
  if (inner.kind === 'dns' && outer.kind === 'dns')
    return inner.value === outer.value || inner.value.endsWith(`.${outer.value}`);
  if (inner.kind === 'uri' && outer.kind === 'uri')
    return inner.value === outer.value || (outer.value.startsWith('.') && inner.value.endsWith(outer.value));
  if (inner.kind !== 'ip' || outer.kind !== 'ip' || inner.value.length !== outer.value.length) return false;
  const half = outer.value.length / 2;
  const [address, mask] = [outer.value.subarray(0, half), outer.value.subarray(half)];
  // The mask of the inner one has the bits of the outer one too, and under these the address is the same.
  return mask.every(
    (bits, index) =>
      ((inner.value[half + index] ?? 0) & bits) === bits && ((inner.value[index] ?? 0) & bits) === address[index],
  );
}

/** 4 or 16 octets as an IP address (RFC 5952 form for IPv6); anything else in hexadecimal. */
export function ipToString(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) return Buffer.from(octets).toString('hex');
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((octets[i * 2] ?? 0) << 8) | (octets[i * 2 + 1] ?? 0)).toString(16),
  );
  const zeros = [...groups.join(':').matchAll(/(?<![^:])0(?::0)+(?![^:])/g)].sort(
    (a, b) => b[0].length - a[0].length,
  )[0];
  const text = groups.join(':');
  if (!zeros) return text;
  const head = text.slice(0, zeros.index).replace(/:$/, '');
  const tail = text.slice(zeros.index + zeros[0].length).replace(/^:/, '');
  return `${head}::${tail}`;
}

/** An IPv4 or IPv6 address in text to its 4 or 16 octets, or undefined when it is neither. */
export function ipFromString(text: string): Uint8Array | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const parts = text.split('.');
    return parts.every((part) => Number(part) <= 255 && String(Number(part)) === part)
      ? Uint8Array.from(parts, Number)
      : undefined;
  }
  // RFC 4291 §2.2: the last four octets may be written as an IPv4 address.
  const [, upper, lower = ''] = /^([0-9a-f:]*:)(\d[\d.]*\.[\d.]*)$/i.exec(text) ?? [];
  if (upper !== undefined) {
    const octets = ipFromString(lower);
    return octets && ipFromString(upper + Buffer.from(octets).toString('hex').replace(/^.{4}/, '$&:'));
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return Uint8Array.from(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]));
}
