import { request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { TLSSocket, type SecureContextOptions } from 'node:tls';
import { serverNameOf } from '../client/expected-peer.js';
import { reasonOf, RenewalError } from './renewal-error.js';

/** What a renewal request needs. */
export interface RenewalRequest {
  /** The service, as `https://host:port`. */
  readonly url: URL;
  /** The old certificate and its key, and the CAs that the service's own certificate must lead to. */
  readonly tls: SecureContextOptions;
  /** The certification request, DER. */
  readonly request: Uint8Array;
}

const PATH = 'api/v1/certificates/renewal';
const MAX_OCTETS = 64 * 1024;
const TIMEOUT = 30_000;

/**
 * Posts a certification request to the service's renewal route, over mutual TLS, and gives the octets of the chain. Throws {@link RenewalError}:
 * `refused` with the service's own words, or `unusable`.
 */
export async function askForRenewal({ url, tls, request }: RenewalRequest): Promise<Buffer> {
  const { status, body, retryAfter } = await post(url, tls, request);
  if (status === 201) return body;
  const problem = problemIn(body);
  if (problem === undefined)
    throw new RenewalError('unusable', `${url.origin} answered ${status} without a reason`, {
      mend: 'name the address of a Veritas service with --url',
      retryAfter,
    });
  throw new RenewalError(
    status < 500 && status !== 429 ? 'refused' : 'unusable',
    `the service refused: ${problem.detail} (${problem.code})`,
    { retryAfter, problem: problem.code },
  );
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly retryAfter: number | undefined;
}

function post(url: URL, tls: SecureContextOptions, body: Uint8Array): Promise<Answer> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const target = new URL(PATH, url.href.endsWith('/') ? url : `${url.href}/`);
  const signal = AbortSignal.timeout(TIMEOUT);
  return new Promise((resolve, reject) => {
    const call = httpsRequest(target, {
      ...tls,
      method: 'POST',
      agent: false,
      servername: serverNameOf(host),
      rejectUnauthorized: true,
      signal,
      headers: {
        'content-type': 'application/pkcs10',
        'content-length': body.length,
        accept: 'application/pem-certificate-chain, application/problem+json',
      },
    });
    const fail = (error: unknown): void =>
      reject(signal.aborted ? lateError(url) : connectionError(error, url, call.socket));
    call.on('error', fail);
    // A server that switches to another protocol.
    call.on('upgrade', (_, socket) => {
      socket.destroy();
      fail(new Error('the server speaks another protocol'));
    });
    let answered = false;
    call.on('response', (response) => {
      answered = true;
      void collect(response).then(resolve, fail);
    });
    call.on('close', () => {
      if (!answered) fail(new Error('the connection was closed'));
    });
    call.end(body);
  });
}

async function collect(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    octets += chunk.length;
    // Leaving the loop closes the connection.
    if (octets > MAX_OCTETS)
      throw new RenewalError('unusable', 'the answer is larger than a certificate chain', {
        mend: 'name the address of a Veritas service with --url',
      });
    chunks.push(chunk);
  }
  const retryAfter = secondsIn(response.headers);
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks), retryAfter };
}

/** The seconds of a Retry-After header. Its other form, a date, counts from the date of the answer: this machine's clock may be another. */
function secondsIn({ 'retry-after': wait = '', date = '' }: IncomingHttpHeaders): number | undefined {
  if (/^\d{1,9}$/.test(wait)) return Number(wait);
  const seconds = wait.endsWith(' GMT') ? (Date.parse(wait) - Date.parse(date)) / 1000 : NaN;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

const lateError = (url: URL): RenewalError =>
  new RenewalError('unusable', `${url.origin} did not answer within ${TIMEOUT / 1000} seconds`, {
    mend: 'look whether the service runs',
  });

function connectionError(error: unknown, url: URL, socket: unknown): RenewalError {
  if (error instanceof RenewalError) return error;
  const reason = reasonOf(error);
  // Set when the server's certificate was checked and not accepted. The types promise an Error, but it is a code.
  const doubt: unknown = socket instanceof TLSSocket ? socket.authorizationError : undefined;
  return doubt !== undefined && doubt !== null
    ? new RenewalError('unusable', `the server at ${url.origin} is not trusted (${reason})`, {
        mend: 'name the CA bundle of its CA with --ca, and the address by a name that is in its certificate with --url',
      })
    : new RenewalError('unusable', `${url.origin} cannot be reached (${reason})`, {
        mend: 'look whether the service runs there, or name another address with --url',
      });
}

function problemIn(body: Buffer): { readonly detail: string; readonly code: string } | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value !== 'object' || value === null || !('detail' in value) || !('code' in value)) return undefined;
    const { detail, code } = value;
    return typeof detail === 'string' && typeof code === 'string'
      ? { detail: detail.slice(0, 1000), code: code.slice(0, 100) }
      : undefined;
  } catch {
    return undefined;
  }
}
