import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { stayAwake } from './stay-awake.js';

// The load maker, a process of its own: asked over IPC for one round at a time.

/**
 * One round: `requests` on open connections, as many as come back or `perSecond` when that is given; or `full` and `resumed` handshakes with one request each.
 * At a rate, a latency counts from when the request was due, whether a connection was free or not.
 */
export interface Round {
  readonly kind: 'requests' | 'full' | 'resumed';
  readonly perSecond?: number;
  readonly port: number;
  readonly path: string;
  readonly milliseconds: number;
  readonly connections: number;
}

/** What a round came to. Latencies in milliseconds. */
export interface Outcome {
  readonly count: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

const folder = process.argv[2] ?? '';
const read = (name: string): Buffer => readFileSync(join(folder, 'certs', name));
const options: ConnectionOptions = {
  host: '127.0.0.1',
  servername: 'localhost',
  ca: read('ca_bundle.pem'),
  cert: read('client_cert.pem'),
  key: read('client_key.pem'),
  minVersion: 'TLSv1.3',
};
const OK = Buffer.from('HTTP/1.1 200');

process.on('message', (round: Round) => {
  void run(round).then((outcome) => process.send?.(outcome));
});
process.on('disconnect', () => process.exit());

async function run(round: Round): Promise<Outcome> {
  const latencies: number[] = [];
  const session = round.kind === 'resumed' ? await ticket(round) : undefined;
  const sockets = round.kind === 'requests' ? await openSockets(round) : [];
  const start = performance.now();
  const end = start + round.milliseconds;
  stayAwake(end);
  if (round.perSecond !== undefined)
    await askAtRate([...sockets], round.path, { start, end, perSecond: round.perSecond }, latencies);
  else if (round.kind === 'requests')
    await Promise.all(sockets.map((socket) => askUntil(socket, round.path, end, latencies)));
  else await Promise.all(Array.from({ length: round.connections }, () => visitUntil(round, session, end, latencies)));
  const seconds = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { count: latencies.length, seconds, p50: at(0.5), p99: at(0.99), worst: latencies.at(-1) ?? 0 };
}

// Connections stay open between the rounds: a round of requests counts requests alone.
const pools = new Map<number, readonly TLSSocket[]>();

async function openSockets({ port, connections }: Round): Promise<readonly TLSSocket[]> {
  // But for those that a server with nothing to do has closed.
  const kept = (pools.get(port) ?? []).filter(({ destroyed }) => !destroyed);
  const more = await Promise.all(Array.from({ length: connections - kept.length }, () => open(port)));
  const pool = [...kept, ...more];
  pools.set(port, pool);
  return pool;
}

function open(port: number, session?: Buffer): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, port, ...(session ? { session } : {}) }, () => {
      if (session && !socket.isSessionReused()) reject(new Error('the session was not resumed'));
      resolve(socket);
    });
    socket.on('error', reject);
    socket.setNoDelay();
  });
}

function ask(socket: TLSSocket, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('data', (chunk: Buffer) => {
      if (chunk.subarray(0, OK.length).equals(OK)) resolve();
      else reject(new Error(chunk.toString('latin1')));
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  });
}

async function askUntil(socket: TLSSocket, path: string, end: number, latencies: number[]): Promise<void> {
  for (let from = performance.now(); from < end; from = performance.now()) {
    await ask(socket, path);
    latencies.push(performance.now() - from);
  }
}

async function askAtRate(
  free: TLSSocket[],
  path: string,
  { start, end, perSecond }: { readonly start: number; readonly end: number; readonly perSecond: number },
  latencies: number[],
): Promise<void> {
  const all = Math.floor(((end - start) / 1000) * perSecond);
  const asked: Promise<void>[] = [];
  const one = async (socket: TLSSocket, due: number): Promise<void> => {
    await ask(socket, path);
    latencies.push(performance.now() - due);
    free.push(socket);
  };
  while (asked.length < all) {
    const due = start + (asked.length * 1000) / perSecond;
    const socket = due <= performance.now() ? free.pop() : undefined;
    if (socket) asked.push(one(socket, due));
    else await new Promise(setImmediate);
  }
  await Promise.all(asked);
}

async function visitUntil(round: Round, session: Buffer | undefined, end: number, latencies: number[]): Promise<void> {
  for (let from = performance.now(); from < end; from = performance.now()) {
    const socket = await open(round.port, session);
    await ask(socket, round.path);
    latencies.push(performance.now() - from);
    socket.destroy();
  }
}

async function ticket({ port, path }: Round): Promise<Buffer> {
  const socket = await open(port);
  const arrived = new Promise<Buffer>((resolve) => socket.once('session', resolve));
  await ask(socket, path);
  const session = await arrived;
  socket.destroy();
  return session;
}
