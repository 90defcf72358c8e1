import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { request, type RequestOptions } from 'node:https';
import { connectAnonymously } from '../../tls/index.js';
import type { CaCertificates } from '../trust-anchors.js';
import { BundleError, MAX_BUNDLE_OCTETS } from './spiffe-bundle.js';

/** Where the trust bundle of a domain is read from. */
export interface BundleSource {
  /** The path of a file, or an https URL. */
  readonly bundle: string;
  /** The CAs that the server of the URL must lead to, PEM; when absent, those of Node.js. */
  readonly ca?: string | Uint8Array | undefined;
}

/** The SPIFFE ID of the server at the URL (profile `https_spiffe`), and the CAs of that ID's trust domain. */
export interface BundleEndpoint {
  readonly spiffeId: string;
  readonly trust: CaCertificates;
}

const SILENCE_MS = 10_000;
const TIMEOUT_MS = 30_000;

/** Whether a bundle is fetched from a URL, and not read from a file. */
export const isBundleUrl = (bundle: string): boolean => /^https:\/\//i.test(bundle);

/**
 * The octets of a bundle: from a file, or over https. The server is verified as on the web (profile `https_web`), or as `endpoint` says
 * (`https_spiffe`, SPIFFE Federation §5.2.2). Throws on any status but 200, redirects included, on more than 1 MiB, after 10 s of silence, and after
 * 30 s in all, the handshake of `https_spiffe` apart.
 */
export async function readBundle(
  { bundle, ca }: BundleSource,
  {
    clock,
    endpoint,
    signal,
  }: {
    readonly clock: () => Date;
    readonly endpoint?: BundleEndpoint | undefined;
    /** Ends it before. */
    readonly signal: AbortSignal;
  },
): Promise<Buffer> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(bundle) && !isBundleUrl(bundle))
    throw new BundleError('it is neither a file nor an https URL');
  if (!isBundleUrl(bundle)) return readBundleFile(bundle);
  const url = new URL(bundle);
  if (!endpoint)
    return fetchBundle(url, signal, {
      agent: false,
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
    });
  const { socket } = await connectAnonymously(
    { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 443), peer: endpoint.spiffeId, signal },
    { trust: endpoint.trust, clock, handshakeTimeout: SILENCE_MS },
  );
  return fetchBundle(url, signal, { createConnection: () => socket });
}

/** The octets of a file of certificates. Throws on more than 1 MiB, and what the system throws. */
export async function readBundleFile(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > MAX_BUNDLE_OCTETS) throw tooLong();
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function fetchBundle(url: URL, signal: AbortSignal, connection: RequestOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const asked = request(url, {
      ...connection,
      headers: { accept: 'application/json' },
      timeout: SILENCE_MS,
      signal: AbortSignal.any([signal, timeout]),
    });
    asked.on('timeout', () => asked.destroy(new Error(`the server sent nothing for ${SILENCE_MS} ms`)));
    const fail = (error: Error): void => {
      reject(timeout.aborted ? new Error(`the bundle was not whole after ${TIMEOUT_MS} ms`) : error);
    };
    asked.on('error', fail);
    asked.on('response', (response) => {
      if (response.statusCode !== 200) {
        asked.destroy(new Error(`the server answered ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > MAX_BUNDLE_OCTETS) asked.destroy(tooLong());
      });
      response.on('error', fail);
      response.on('end', () => {
        resolve(Buffer.concat(chunks));
      });
    });
    asked.end();
  });
}

const tooLong = (): BundleError => new BundleError(`it is longer than ${MAX_BUNDLE_OCTETS} octets`);

/** A digest by which a change of a bundle is noticed. */
export const markOf = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('base64');
