import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { request as httpsRequest, type Agent } from 'node:https';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { Issued, TestCa } from '../../src/testing/index.js';
import { remember } from './documented.js';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';
export type HttpVersion = 'HTTP/1.1' | 'HTTP/2';

/** Every protocol that a refusal has to work on. */
export const PROTOCOLS: readonly (readonly [TlsVersion, HttpVersion])[] = [
  ['TLSv1.2', 'HTTP/1.1'],
  ['TLSv1.2', 'HTTP/2'],
  ['TLSv1.3', 'HTTP/1.1'],
  ['TLSv1.3', 'HTTP/2'],
];

/** Connection options of a client that trusts `ca` and presents `client` (a certificate, or none). */
export function clientTls(
  ca: TestCa,
  client: Pick<Issued, 'chainPem' | 'keyPem'> | undefined,
  version: TlsVersion = 'TLSv1.3',
): ConnectionOptions {
  return {
    host: '127.0.0.1',
    servername: 'localhost',
    ca: ca.root.certificatePem,
    minVersion: version,
    maxVersion: version,
    ...(client ? { cert: client.chainPem, key: client.keyPem } : {}),
  };
}

/** One request on a new connection, or on one of the agent's. */
export async function get(
  port: number,
  path: string,
  tls: ConnectionOptions & { readonly agent?: Agent },
  http: HttpVersion = 'HTTP/1.1',
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): Promise<Answer> {
  if (http === 'HTTP/2') {
    const session = connectHttp2(`https://localhost:${port}`, { ...tls, ALPNProtocols: ['h2'] });
    try {
      const answer = await getHttp2(session, path, headers);
      remember({ port, method: 'GET', path }, answer);
      return answer;
    } finally {
      session.destroy();
    }
  }
  return new Promise((resolve, reject) => {
    const request = httpsRequest({ agent: false, ...tls, port, path, headers: mutable(headers) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const answer = answerOf(response.statusCode ?? 0, response.headers, chunks);
        remember({ port, method: 'GET', path }, answer);
        resolve(answer);
      });
    });
    request.on('error', reject);
    request.end();
  });
}

/** A list is a header for each of its values. */
const mutable = (headers: Readonly<Record<string, string | readonly string[]>>): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );

/** One request on an HTTP/2 session that is open. */
export async function getHttp2(
  session: ClientHttp2Session,
  path: string,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    const stream = session.request({ ':path': path, ...mutable(headers) });
    let received: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    stream.on('response', (response) => (received = response));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => resolve(answerOf(Number(received[':status']), received, chunks)));
    stream.end();
  });
}

/** An HTTP/1.1 connection held by hand: for keep-alive, resumption and what is not HTTP at all. */
export class RawConnection {
  #buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  closed = false;
  /** Session tickets in the order that they came. */
  readonly sessions: Buffer[] = [];

  private constructor(readonly socket: TLSSocket) {
    socket.on('session', (session: Buffer) => this.sessions.push(session));
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#wake?.();
    });
    socket.on('close', () => {
      this.closed = true;
      this.#wake?.();
    });
    socket.on('error', () => undefined);
  }

  static async open(port: number, options: ConnectionOptions): Promise<RawConnection> {
    const socket = connect({ ...options, port });
    const connection = new RawConnection(socket);
    await Promise.race([
      once(socket, 'secureConnect'),
      once(socket, 'error').then(([error]) => Promise.reject(error as Error)),
    ]);
    return connection;
  }

  /** Sends a GET and reads its answer; the connection stays open if the server leaves it so. */
  async get(path: string): Promise<Answer> {
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    return this.answer();
  }

  /** Reads the next answer. */
  async answer(): Promise<Answer> {
    for (;;) {
      const answer = this.#takeAnswer();
      if (answer) return answer;
      if (this.closed) throw new Error('the connection closed before the answer');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Waits until the server has closed the connection. */
  async untilClosed(): Promise<void> {
    while (!this.closed) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  close(): void {
    this.socket.destroy();
  }

  #takeAnswer(): Answer | undefined {
    const end = this.#buffer.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [start = '', ...lines] = this.#buffer.subarray(0, end).toString('latin1').split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const length = Number(headers['content-length'] ?? 0);
    if (this.#buffer.length < end + 4 + length) return undefined;
    const body = this.#buffer.subarray(end + 4, end + 4 + length);
    this.#buffer = this.#buffer.subarray(end + 4 + length);
    return answerOf(Number(start.split(' ')[1]), headers, [body]);
  }
}

export function answerOf(
  status: number,
  headers: Readonly<Record<string, unknown>>,
  chunks: readonly Buffer[],
): Answer {
  const text = Buffer.concat(chunks).toString('utf8');
  return {
    status,
    headers,
    text,
    get json() {
      return JSON.parse(text) as Record<string, unknown>;
    },
  };
}
