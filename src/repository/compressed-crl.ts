import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readPublished } from '../pki/index.js';
import type { ServedCrl } from './published.js';

const compress = promisify(gzip);

/**
 * Lists from LEAST to MOST octets are compressed. A smaller list fits into one packet anyway. A larger one takes seconds to compress (a list of 45
 * MiB shrinks only by half); ranges and deltas save more.
 */
const [LEAST, MOST] = [1_400, 1024 * 1024];

/** The compressed form of each list that is served; a list is compressed once. */
const COMPRESSED = new WeakMap<ServedCrl, Promise<Buffer>>();

/** The list compressed with gzip, if the client accepts gzip (RFC 9110 §12.5.3); undefined when it does not or when compression does not pay. */
export function compressedFor(accepted: string | undefined, crl: ServedCrl): Promise<Buffer> | undefined {
  if (crl.octets < LEAST || crl.octets > MOST || !takesGzip(accepted)) return undefined;
  const known = COMPRESSED.get(crl);
  if (known) return known;
  const packed = readPublished(crl).then((octets) => compress(octets));
  COMPRESSED.set(crl, packed);
  // After a failure the next request tries again.
  packed.catch(() => COMPRESSED.delete(crl));
  return packed;
}

/** Whether Accept-Encoding allows gzip: by `gzip` or `*` with a weight other than 0. */
function takesGzip(accepted = ''): boolean {
  const weights = new Map(
    accepted.split(',').map((each) => {
      const [coding = '', weight = ''] = each.split(';');
      return [coding.trim().toLowerCase(), !/^\s*q\s*=\s*0(?:\.0*)?\s*$/i.test(weight)] as const;
    }),
  );
  return weights.get('gzip') ?? weights.get('*') ?? false;
}
