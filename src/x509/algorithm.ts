import { Tag, write, type DerReader } from '../der/index.js';

/** AlgorithmIdentifier (RFC 5280 §4.1.1.2). `parameters` is the whole element, or undefined when absent. */
export interface AlgorithmIdentifier {
  readonly der: Uint8Array;
  readonly oid: string;
  readonly parameters: Uint8Array | undefined;
}

/** Reads an AlgorithmIdentifier. Throws DecodeError. */
export function decodeAlgorithmIdentifier(reader: DerReader, what: string): AlgorithmIdentifier {
  const start = reader.offset;
  const sequence = reader.enter(Tag.SEQUENCE, what);
  const oid = sequence.oid(what);
  const parameters = sequence.done ? undefined : sequence.element(`${what} parameters`);
  sequence.end(what);
  return { der: reader.since(start), oid, parameters };
}

/** Encodes an AlgorithmIdentifier (RFC 5280 §4.1.1.2). `parameters`: one whole element; absent when there is none. */
export function algorithmIdentifier(oid: string, parameters?: Uint8Array): AlgorithmIdentifier {
  return { der: write.sequence(write.oid(oid), ...(parameters ? [parameters] : [])), oid, parameters };
}
