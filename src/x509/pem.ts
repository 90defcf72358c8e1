import { DecodeError } from '../der/index.js';

/** One block of a PEM text (RFC 7468 §2): its label and the octets inside. */
export interface PemBlock {
  readonly label: string;
  readonly octets: Uint8Array;
}

/** 4 MiB: a trust bundle of a thousand certificates fits, and there is a bound on the work. */
export const MAX_PEM_OCTETS = 4 * 1024 * 1024;
const LABEL = /^-----BEGIN ([A-Z0-9]+(?:[ -][A-Z0-9]+)*)-----$/;
const BASE64_LINE = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * The blocks of a PEM text, in order; text around them is passed over, as RFC 7468 §2 allows. Throws DecodeError (its offset counts characters) for more than
 * `limit` characters, a block without an end, or base64 that is not canonical.
 */
export function decodePem(text: string | Uint8Array, limit = MAX_PEM_OCTETS): PemBlock[] {
  if (text.length > limit) throw new DecodeError(`PEM of ${text.length} characters is over the limit of ${limit}`, 0);
  // OpenSSL passes over a byte order mark as well; in a string, trim() does.
  const source =
    typeof text === 'string'
      ? text
      : Buffer.from(text)
          .toString('latin1')
          .replace(/^\xef\xbb\xbf/, '');
  const blocks: PemBlock[] = [];
  let open: { label: string; offset: number; base64: string[] } | undefined;
  let offset = 0;
  for (const raw of source.split('\n')) {
    const line = raw.trim();
    const begin = LABEL.exec(line)?.[1];
    if (begin !== undefined) {
      if (open) throw new DecodeError(`PEM block ${open.label} has no end`, open.offset);
      open = { label: begin, offset, base64: [] };
    } else if (open && line === `-----END ${open.label}-----`) {
      blocks.push({ label: open.label, octets: decodeBase64(open.base64.join(''), open.offset) });
      open = undefined;
    } else if (line.startsWith('-----')) {
      throw new DecodeError('PEM boundary that does not match', offset);
    } else if (open && line !== '') {
      if (!BASE64_LINE.test(line)) throw new DecodeError('PEM line that is not base64', offset);
      open.base64.push(line);
    }
    offset += raw.length + 1;
  }
  if (open) throw new DecodeError(`PEM block ${open.label} has no end`, open.offset);
  return blocks;
}

/** Octets as one PEM block with lines of 64 characters (RFC 7468 §2) and a final newline. */
export function encodePem(label: string, octets: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = octets;
  const lines = Buffer.from(buffer, byteOffset, byteLength)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

/**
 * The DER objects in `input`: the blocks labelled `label` when it is PEM, else the input itself as one DER object.
 * Throws DecodeError when it is PEM without such a block, or of more than `limit` characters.
 */
export function octetsFromPemOrDer(
  input: string | Uint8Array,
  label: string,
  limit = MAX_PEM_OCTETS,
): [Uint8Array, ...Uint8Array[]] {
  if (typeof input !== 'string' && looksLikeDer(input)) return [input];
  const [first, ...others] = decodePem(input, limit).filter((block) => block.label === label);
  if (!first) throw new DecodeError(`no PEM block ${label}`, 0);
  return [first.octets, ...others.map((block) => block.octets)];
}

/** Whether it begins as a SEQUENCE that has at least 128 octets, or as many as it says. Text that begins with the digit 0 (0x30) is neither. */
function looksLikeDer(octets: Uint8Array): boolean {
  const length = octets[1] ?? 0;
  return octets[0] === 0x30 && (length >= 0x80 || length === octets.length - 2);
}

function decodeBase64(base64: string, offset: number): Uint8Array {
  const octets = Buffer.from(base64, 'base64');
  // Node's decoder skips what it does not know and ignores stray bits, but only the canonical form is encoded back to itself.
  if (octets.length === 0 || octets.toString('base64') !== base64)
    throw new DecodeError('PEM block that is not canonical base64', offset);
  return octets;
}
