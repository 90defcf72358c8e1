import { randomFillSync } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { Outcome } from './load.js';
import { stayAwake } from './stay-awake.js';

// The load maker for OCSP, a process of its own: asked over IPC for one round at a time.

/** One round of requests on open connections, or, for a responder that closes them, on a new one each. */
export interface OcspRound {
  readonly port: number;
  readonly milliseconds: number;
  readonly connections: number;
  readonly method: 'GET' | 'POST';
  /** An OCSPRequest in base64. */
  readonly request: string;
  /** Where in it `nonceOctets` random ones stand, for each request others; none when 0. */
  readonly nonceAt: number;
  readonly nonceOctets: number;
  readonly keepAlive: boolean;
}

const OK = 'HTTP/1.';
const LENGTH = /\r\ncontent-length: (\d+)\r\n/i;

process.on('message', (round: OcspRound) => {
  void run(round).then((outcome) => process.send?.(outcome));
});
process.on('disconnect', () => process.exit());

async function run(round: OcspRound): Promise<Outcome> {
  const latencies: number[] = [];
  const write = writer(round);
  const start = performance.now();
  const end = start + round.milliseconds;
  stayAwake(end);
  await Promise.all(Array.from({ length: round.connections }, () => lane(round, write, end, latencies)));
  const seconds = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { count: latencies.length, seconds, p50: at(0.5), p99: at(0.99), worst: latencies.at(-1) ?? 0 };
}

async function lane(round: OcspRound, write: () => Buffer, end: number, latencies: number[]): Promise<void> {
  let socket: Socket | undefined;
  for (let from = performance.now(); from < end; from = performance.now()) {
    socket ??= await open(round.port);
    await ask(socket, write());
    latencies.push(performance.now() - from);
    if (!round.keepAlive) {
      socket.destroy();
      socket = undefined;
    }
  }
  socket?.destroy();
}

function writer({ method, request, nonceAt, nonceOctets }: OcspRound): () => Buffer {
  const octets = Buffer.from(request, 'base64');
  const written = (): Buffer =>
    method === 'GET'
      ? Buffer.from(`GET /ocsp/${encodeURIComponent(octets.toString('base64'))} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      : Buffer.concat([
          Buffer.from(
            `POST /ocsp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ocsp-request\r\nContent-Length: ${octets.length}\r\n\r\n`,
          ),
          octets,
        ]);
  if (nonceOctets === 0) {
    const always = written();
    return () => always;
  }
  return () => {
    randomFillSync(octets, nonceAt, nonceOctets);
    return written();
  };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      resolve(socket);
    });
    socket.setNoDelay();
    socket.on('error', reject);
  });
}

/** Sends one request and waits for the whole of its answer, which must have octets and status 200. */
function ask(socket: Socket, octets: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0);
    const finish = (error?: Error): void => {
      socket.off('data', take).off('close', closed);
      if (error) reject(error);
      else resolve();
    };
    const closed = (): void => {
      finish(new Error('the connection closed before the answer'));
    };
    const take = (chunk: Buffer): void => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const head = seen.indexOf('\r\n\r\n');
      if (head < 0) return;
      const text = seen.toString('latin1', 0, head + 2);
      const length = Number(LENGTH.exec(text)?.[1] ?? Number.NaN);
      if (!text.startsWith(OK) || !text.includes(' 200 ') || !(length > 100)) finish(new Error(text));
      else if (seen.length >= head + 4 + length) finish();
    };
    socket.on('data', take).on('close', closed);
    socket.write(octets);
  });
}
