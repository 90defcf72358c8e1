import { open, stat } from 'node:fs/promises';
import { MAX_CRL_OCTETS } from '../../x509/index.js';

/** Where a CRL comes from: a file's path or an http(s) URL. */
export interface CrlSource {
  readonly source: string;
  /** The certificate of the CRL's issuer (PEM or DER), when it is not among the trust anchors. */
  readonly issuer?: string | Uint8Array;
}

const TIMEOUT_MS = 10_000;

/** Octets that were fetched, and a mark by which to tell whether they changed. */
export interface Fetched {
  readonly octets: Uint8Array;
  readonly mark: string;
}

/**
 * Reads a source unless it is as `mark` says: then undefined. A file's mark is its size, time and inode; a URL's are its ETag and
 * Last-Modified (RFC 9110 §13.1). Throws on anything else, on more than 256 MiB and after 10 s.
 */
export async function fetchCrl(source: string, mark: string | undefined): Promise<Fetched | undefined> {
  return /^https?:\/\//.test(source) ? fetchUrl(source, mark) : readChanged(source, mark);
}

async function readChanged(path: string, mark: string | undefined): Promise<Fetched | undefined> {
  const { size, mtimeMs, ino } = await stat(path);
  const now = `${size} ${mtimeMs} ${ino}`;
  if (now === mark) return undefined;
  if (size > MAX_CRL_OCTETS) throw new RangeError(`${size} octets are more than a CRL may have`);
  const file = await open(path, 'r');
  try {
    return { octets: await file.readFile(), mark: now };
  } finally {
    await file.close();
  }
}

async function fetchUrl(url: string, mark: string | undefined): Promise<Fetched | undefined> {
  const [etag = '', modified = ''] = mark?.split('\n') ?? [];
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { ...(etag ? { 'if-none-match': etag } : {}), ...(modified ? { 'if-modified-since': modified } : {}) },
  });
  if (response.status === 304) return undefined;
  if (response.status !== 200 || !response.body) throw new Error(`the server answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_CRL_OCTETS) throw new RangeError('more octets than a CRL may have');
    chunks.push(chunk);
  }
  return {
    octets: Buffer.concat(chunks),
    mark: `${response.headers.get('etag') ?? ''}\n${response.headers.get('last-modified') ?? ''}`,
  };
}
