import { Tag, write, type DerReader } from '../der/index.js';
import { oidName } from './oids.js';

/** One extension as it stands (RFC 5280 §4.1): `value` is what the OCTET STRING holds. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
  /** The whole element, when it was encoded before: see {@link encodedOnce}. */
  readonly der?: Uint8Array;
}

const MAX_EXTENSIONS = 64;

/** Reads Extensions: at least one, at most 64, none twice (RFC 5280 §4.2). Throws DecodeError. */
export function decodeExtensions(reader: DerReader, what: string): ReadonlyMap<string, Extension> {
  const sequence = reader.enter(Tag.SEQUENCE, what);
  const extensions = new Map<string, Extension>();
  if (sequence.done) sequence.fail(`${what} are empty`);
  while (!sequence.done) {
    const start = sequence.offset;
    const extension = sequence.enter(Tag.SEQUENCE, `${what}: extension`);
    const oid = extension.oid(`${what}: extension identifier`);
    const critical = extension.flag(`${oidName(oid)} critical`);
    const value = extension.octetString(`${oidName(oid)} value`);
    extension.end(oidName(oid));
    if (extensions.has(oid)) sequence.fail(`${what}: ${oidName(oid)} stands twice`, start);
    if (extensions.size === MAX_EXTENSIONS) sequence.fail(`${what}: more than ${MAX_EXTENSIONS}`, start);
    extensions.set(oid, { oid, critical, value });
  }
  return extensions;
}

/** Reads an extension's value with `decode`, and insists that nothing is left over. Undefined when the extension is absent. Throws DecodeError. */
export function decodeExtension<T>(
  extensions: ReadonlyMap<string, Extension>,
  oid: string,
  reader: DerReader,
  decode: (value: DerReader) => T,
): T | undefined {
  const extension = extensions.get(oid);
  if (!extension) return undefined;
  const value = reader.on(extension.value);
  const decoded = decode(value);
  value.end(oidName(oid));
  return decoded;
}

function encodeExtension({ oid, critical, value, der }: Extension): Uint8Array {
  return der ?? write.sequence(write.oid(oid), ...(critical ? [write.boolean(true)] : []), write.octetString(value));
}

/** The same extension with its octets, to be written into many certificates. */
export function encodedOnce({ oid, critical, value }: Extension): Extension {
  return { oid, critical, value, der: encodeExtension({ oid, critical, value }) };
}

/** Extensions (RFC 5280 §4.1): the SEQUENCE, in the order given. */
export function encodeExtensions(extensions: Iterable<Extension>): Uint8Array {
  return write.sequence(...[...extensions].map(encodeExtension));
}
