import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import type { Issued, TestCa } from '../../src/testing/index.js';
import { clientTls, type TlsVersion } from './client.js';

/** An answer on any transport: the handler's, or the refusal's fields. */
export interface Told {
  readonly answer?: unknown;
  readonly code?: string;
  readonly requestId?: string;
  /** What the transport itself says of the error: the problem's status, or gRPC's. */
  readonly status?: number;
  /** Seconds after which to ask again. */
  readonly retryAfter?: number;
}

/** A client's connection on some transport, held by hand: what is asked is written and what comes is read, by nobody's library in between. */
export interface TransportClient {
  readonly socket: TLSSocket;
  ask: (what: string) => Promise<Told>;
  /** Resolves when the other side has closed the connection. */
  readonly closed: Promise<unknown>;
  close: () => void;
}

export interface Opening {
  readonly ca: TestCa;
  readonly client: Pick<Issued, 'chainPem' | 'keyPem'> | undefined;
  readonly version: TlsVersion;
  readonly session?: Buffer;
}

interface ProblemFields {
  readonly code: string;
  readonly status: number;
  readonly request_id: string;
  readonly retry_after?: number;
}
const toldOf = ({ code, status, request_id, retry_after }: ProblemFields): Told => ({
  code,
  status,
  requestId: request_id,
  ...(retry_after === undefined ? {} : { retryAfter: retry_after }),
});

/** The tickets of a connection, in the order that they came. */
const tickets = new WeakMap<TLSSocket, Buffer[]>();

/** The last session ticket of a connection that has been asked something. */
export function ticketOf({ socket }: TransportClient): Buffer {
  const ticket = tickets.get(socket)?.at(-1) ?? socket.getSession();
  if (!ticket) throw new Error('the server gave no session ticket');
  return ticket;
}

async function openTls(port: number, { ca, client, version, session }: Opening, alpn: string[]): Promise<TLSSocket> {
  const socket = connect({
    ...clientTls(ca, client, version),
    port,
    ...(alpn.length > 0 ? { ALPNProtocols: alpn } : {}),
    ...(session ? { session } : {}),
  });
  const seen: Buffer[] = [];
  tickets.set(socket, seen);
  socket.on('session', (ticket: Buffer) => seen.push(ticket));
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

/** Nest's TCP protocol: the length in characters, a `#`, and JSON. */
export async function openTcp(port: number, opening: Opening): Promise<TransportClient> {
  const socket = await openTls(port, opening, []);
  const waiting = new Map<string, (packet: { err?: ProblemFields; response?: unknown }) => void>();
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    for (;;) {
      const hash = text.indexOf('#');
      const end = hash + 1 + Number(text.slice(0, hash));
      if (hash < 0 || text.length < end) return;
      const packet = JSON.parse(text.slice(hash + 1, end)) as { id: string; err?: ProblemFields };
      text = text.slice(end);
      waiting.get(packet.id)?.(packet);
      waiting.delete(packet.id);
    }
  });
  let count = 0;
  return {
    socket,
    ask: (pattern) =>
      new Promise((resolve, reject) => {
        const id = String(++count);
        waiting.set(id, ({ err, response }) => resolve(err ? toldOf(err) : { answer: response }));
        socket.once('close', () => reject(new Error('closed without an answer')));
        const json = JSON.stringify({ id, pattern, data: {} });
        socket.write(`${json.length}#${json}`);
      }),
    closed: new Promise((resolve) => socket.once('close', resolve)),
    close: () => socket.destroy(),
  };
}

const EMPTY_MESSAGE = Buffer.alloc(5);
// What each word that is asked is called in test/fixtures/transports/orders.proto.
const METHODS: Readonly<Record<string, string>> = { who: 'Who', billing: 'Billing', open: 'Open', mine: 'Mine' };

/** gRPC over HTTP/2 by hand: messages of test/fixtures/transports/orders.proto. */
export async function openGrpc(port: number, opening: Opening): Promise<TransportClient> {
  const socket = await openTls(port, opening, ['h2']);
  const session: ClientHttp2Session = connectHttp2('https://localhost', { createConnection: () => socket });
  session.on('error', () => undefined);
  return {
    socket,
    ask: (what) => askGrpc(session, `/orders.Orders/${METHODS[what] ?? what}`),
    closed: new Promise((resolve) => session.once('close', resolve)),
    close: () => session.destroy(),
  };
}

function askGrpc(session: ClientHttp2Session, path: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    const take = (headers: Record<string, unknown>): void => {
      const status = headers['grpc-status'];
      const pushback = headers['grpc-retry-pushback-ms'];
      if (status === undefined) return;
      if (Number(status) === 0) {
        // One field of one message: five octets of framing, a tag and a length.
        resolve({ answer: Buffer.concat(chunks).subarray(7).toString() });
        return;
      }
      resolve({
        status: Number(status),
        ...(pushback === undefined ? {} : { retryAfter: Number(pushback) / 1000 }),
        ...(typeof headers.code === 'string' ? { code: headers.code, requestId: headers.request_id as string } : {}),
      });
    };
    stream.on('response', take);
    stream.on('trailers', take);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('closed without a status')));
    stream.end(EMPTY_MESSAGE);
  });
}

/** A WebSocket as Nest's `ws` adapter speaks it: JSON frames of `event` and `data`. A refused upgrade answers everything that is asked. */
export async function openWs(port: number, opening: Opening): Promise<TransportClient> {
  const socket = await openTls(port, opening, ['http/1.1']);
  const ws = new WebSocket('wss://localhost/live', { createConnection: () => socket });
  ws.on('error', () => undefined);
  const refused = await new Promise<Told | undefined>((resolve, reject) => {
    ws.once('open', () => resolve(undefined));
    ws.once('unexpected-response', (_, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const problem = JSON.parse(Buffer.concat(chunks).toString()) as ProblemFields;
        if (response.statusCode !== problem.status) reject(new Error('two statuses'));
        if (problem.status === 429 && response.headers['retry-after'] !== String(problem.retry_after))
          reject(new Error('two times'));
        resolve(toldOf(problem));
      });
    });
    socket.once('close', () => reject(new Error('closed without an answer')));
  });
  return {
    socket,
    ask: async (event) => {
      if (refused) return refused;
      ws.send(JSON.stringify({ event, data: {} }));
      const [frame] = (await once(ws, 'message')) as [Buffer];
      const { event: kind, data } = JSON.parse(frame.toString()) as { event: string; data: unknown };
      return kind === 'exception' ? toldOf(data as ProblemFields) : { answer: data };
    },
    closed: new Promise((resolve) => ws.once('close', resolve)),
    close: () => {
      ws.terminate();
      socket.destroy();
    },
  };
}
