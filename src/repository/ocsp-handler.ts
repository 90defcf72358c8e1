import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PROBLEM_CONTENT_TYPE, problemOfStatus } from '../mtls/index.js';
import type { OcspAnswer } from '../pki/index.js';
import { MAX_OCSP_REQUEST_OCTETS } from '../x509/index.js';
import { isAnother, isUnchanged } from './cached-reply.js';
import type { Failed } from './failure-log.js';
import type { Published } from './published.js';

const PATH = '/ocsp';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const MAX_BASE64 = Math.ceil(MAX_OCSP_REQUEST_OCTETS / 3) * 4;

/** Answers a request if it is an OCSP request, and returns whether it was. */
export type OcspHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * OCSP over HTTP (RFC 6960 appendix A): `POST /ocsp`, and `GET /ocsp/{base64}` for caches (RFC 5019 §5, §6). Works directly on node:http, before any
 * router, so that sending a kept answer costs hardly anything. OCSP error responses have the HTTP status 200. `failed` hears why there is no answer at
 * all, which is a 500.
 */
export function ocspHandler(answer: NonNullable<Published['ocsp']>, failed: Failed): OcspHandler {
  /** Sends the answer; returns true when it was a kept one. */
  const reply = (octets: Uint8Array, request: IncomingMessage, response: ServerResponse): boolean => {
    const answered = answer(octets);
    if (!(answered instanceof Promise)) {
      send(answered, request, response);
      return true;
    }
    answered.then(
      (later) => {
        send(later, request, response);
      },
      (error: unknown) => {
        failed(error, refuse(response, 500));
      },
    );
    return false;
  };
  const paths = new Map<string, Uint8Array>();
  return (request, response) => {
    const { url = '', method } = request;
    // A server must also accept the absolute form of a URL, which is meant for proxies (RFC 9112 §3.2.2).
    const path = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*/i, '');
    if (!path.startsWith(PATH)) return false;
    const rest = path.slice(PATH.length);
    if (rest !== '' && !rest.startsWith('/')) return false;
    if (method === 'POST' && rest.length < 2) receive(request, response, reply);
    else if (method !== 'GET' && method !== 'HEAD')
      refuse(response, 405, { allow: rest.length < 2 ? 'POST' : 'GET, HEAD' });
    else if (rest.length < 2) refuse(response, 405, { allow: 'POST' });
    else {
      const known = paths.get(rest);
      const octets = known ?? octetsOf(rest.slice(1));
      if (!octets) refuse(response, 400);
      else if (reply(octets, request, response) && !known) remember(paths, rest, octets);
    }
    return true;
  };
}

const MOST_PATHS = 10_000;
const LONGEST_PATH = 512;

/**
 * Caches the decoded octets of a path whose answer was kept, because clients repeat the same requests. Requests with a nonce never get here: each has
 * another path.
 */
function remember(paths: Map<string, Uint8Array>, path: string, octets: Uint8Array): void {
  if (path.length > LONGEST_PATH) return;
  if (paths.size >= MOST_PATHS) paths.clear();
  paths.set(path, octets);
}

/** Decodes the base64 of a path, in which `/`, `+` and `=` may be percent-encoded or not, behind one more slash perhaps. Undefined when it is not base64. */
function octetsOf(path: string): Buffer | undefined {
  let text = path;
  if (path.includes('%'))
    try {
      text = decodeURIComponent(path);
    } catch {
      return undefined;
    }
  // A client that adds a slash to a URL that ends with one. No request begins with it: in base64 each begins with M.
  if (text.startsWith('/')) text = text.slice(1);
  if (text.length > MAX_BASE64 || text.length % 4 !== 0 || !BASE64.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}

/** Reads the body and answers it, if it has the right media type and is not too long. */
function receive(
  request: IncomingMessage,
  response: ServerResponse,
  reply: (octets: Uint8Array, request: IncomingMessage, response: ServerResponse) => unknown,
): void {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/ocsp-request') {
    refuse(response, 415);
    return;
  }
  if (Number(request.headers['content-length'] ?? 0) > MAX_OCSP_REQUEST_OCTETS) {
    refuse(response, 413);
    return;
  }
  let body: Buffer | undefined;
  request.on('data', (chunk: Buffer) => {
    if (response.writableEnded) return;
    body = body ? Buffer.concat([body, chunk]) : chunk;
    if (body.length > MAX_OCSP_REQUEST_OCTETS) refuse(response, 413);
  });
  request.on('end', () => {
    if (!response.writableEnded) reply(body ?? new Uint8Array(), request, response);
  });
}

const FOR_NOBODY_ELSE = ['content-length', '0', 'cache-control', 'no-store'];

/**
 * Sends an answer, or 412 or 304 if the conditions of a GET say so (RFC 9110 §13.2.2). Caches may keep it until its nextUpdate (RFC 5019 §6.2); an answer for
 * a single client is not cached.
 */
function send({ der, caching }: OcspAnswer, { method, headers }: IncomingMessage, response: ServerResponse): void {
  if (!caching) {
    response.writeHead(200, [...contentOf(der), 'cache-control', 'no-store']).end(textOf(der), 'latin1');
    return;
  }
  const written = writtenOf(der, caching);
  const seconds = Math.max(0, Math.floor((caching.nextUpdate.getTime() - Date.now()) / 1000));
  if (written.seconds !== seconds) {
    written.seconds = seconds;
    const { validators } = written;
    written.headers = ['cache-control', `max-age=${seconds}, public, no-transform, must-revalidate`, ...validators];
    written.whole = [...contentOf(der), ...written.headers];
  }
  const { thisUpdate: lastModified, etag } = caching;
  const isConditional = method !== 'POST';
  if (isConditional && isAnother({ headers }, { etag, lastModified })) response.writeHead(412, FOR_NOBODY_ELSE).end();
  // By a time nobody is told that nothing changed: the status may change twice within one second.
  else if (isConditional && isUnchanged({ headers }, { etag })) response.writeHead(304, written.headers).end();
  else response.writeHead(200, written.whole).end(written.text, 'latin1');
}

/** The octets as a latin1 string, which node:http sends in one write together with the headers. */
const textOf = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1');

const contentOf = ({ length }: Uint8Array): string[] => [
  ...['content-type', 'application/ocsp-response'],
  ...['content-length', String(length)],
];

type Caching = NonNullable<OcspAnswer['caching']>;

/** A kept answer as it is sent: its octets by {@link textOf}, and its headers, which are rebuilt every second (max-age). */
interface Written {
  readonly text: string;
  readonly validators: readonly string[];
  seconds: number;
  headers: string[];
  whole: string[];
}

const WRITTEN = new WeakMap<Caching, Written>();

function writtenOf(der: Uint8Array, caching: Caching): Written {
  const known = WRITTEN.get(caching);
  if (known) return known;
  const { thisUpdate, nextUpdate, etag } = caching;
  const validators = ['last-modified', thisUpdate.toUTCString(), 'expires', nextUpdate.toUTCString(), 'etag', etag];
  const written = { text: textOf(der), validators, seconds: Number.NaN, headers: [], whole: [] };
  WRITTEN.set(caching, written);
  return written;
}

const HOW = `An OCSP request of at most ${MAX_OCSP_REQUEST_OCTETS} octets comes as application/ocsp-request by POST to ${PATH}, or in base64 by GET behind ${PATH}/.`;

/** Answers with a problem document and closes the connection, without reading the rest of the request. Returns the request id in the document. */
function refuse(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): string {
  const requestId = randomUUID();
  const body = JSON.stringify(problemOfStatus(status, requestId, status < 500 ? HOW : undefined));
  response
    .writeHead(status, {
      ...headers,
      'content-type': PROBLEM_CONTENT_TYPE,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      connection: 'close',
    })
    .end(body);
  return requestId;
}
