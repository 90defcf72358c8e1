import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readPublished } from '../pki/index.js';
import type { ServedCrl } from './published.js';

const compress = promisify(gzip);

/** Below, it is one packet anyway. Above, compressing takes seconds: of a list of 45 MiB it leaves half, and ranges and deltas leave less. */
const [LEAST, MOST] = [1_400, 1024 * 1024];

/** Each list once, for as long as it is served. */
const COMPRESSED = new WeakMap<ServedCrl, Promise<Buffer>>();

/** A list by gzip, for whoever takes it (RFC 9110 §12.5.3); undefined where that does not pay. */
export function compressedFor(accepted: string | undefined, crl: ServedCrl): Promise<Buffer> | undefined {
  if (crl.octets < LEAST || crl.octets > MOST || !takesGzip(accepted)) return undefined;
  const known = COMPRESSED.get(crl);
  if (known) return known;
  const packed = readPublished(crl).then((octets) => compress(octets));
  COMPRESSED.set(crl, packed);
  // Who asks next has it tried again.
  packed.catch(() => COMPRESSED.delete(crl));
  return packed;
}

/** `gzip` or `*`, and not with the weight 0. */
function takesGzip(accepted = ''): boolean {
  const weights = new Map(
    accepted.split(',').map((each) => {
      const [coding = '', weight = ''] = each.split(';');
      return [coding.trim().toLowerCase(), !/^\s*q\s*=\s*0(?:\.0*)?\s*$/i.test(weight)] as const;
    }),
  );
  return weights.get('gzip') ?? weights.get('*') ?? false;
}
