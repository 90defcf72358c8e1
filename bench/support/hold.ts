import { readFileSync } from 'node:fs';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { PATH } from './bare.js';

// Holds many connections open, in a process of its own: every other one HTTP/2, each let in once. Those of one certificate are to be lost, the rest to notice
// nothing: they go on asking.

/** What to hold. `lost` connections present the certificate given, the others the development client's. */
export interface Hold {
  readonly folder: string;
  readonly port: number;
  readonly connections: number;
  readonly lost: number;
  readonly cert: string;
  readonly key: string;
}

/** When the lost ones closed (milliseconds since the epoch), and what became of the others. */
export interface Held {
  readonly closedAt: readonly number[];
  readonly others: { readonly open: number; readonly asked: number; readonly failed: number; readonly slowest: number };
}

interface Line {
  readonly ask: () => Promise<void>;
  readonly isOpen: () => boolean;
  readonly onClose: (listener: () => void) => void;
}

const AT_ONCE = 32;
const WAIT_MS = 3_000;
const settle = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function open(port: number, tls: ConnectionOptions, http2: boolean): Promise<Line> {
  const options = { ...tls, host: '127.0.0.1', servername: 'localhost', port };
  if (http2) {
    const session: ClientHttp2Session = connectHttp2(`https://localhost:${port}`, {
      ...options,
      ALPNProtocols: ['h2'],
    });
    session.on('error', () => undefined);
    const line: Line = {
      ask: () =>
        new Promise((resolve, reject) => {
          if (session.closed) {
            reject(new Error('closed'));
            return;
          }
          const stream = session.request({ ':path': PATH });
          stream.on('response', ({ ':status': status }) => {
            if (status !== 200) reject(new Error(String(status)));
          });
          stream.on('error', reject).on('close', resolve).resume();
        }),
      isOpen: () => !session.closed,
      onClose: (listener) => session.once('close', listener),
    };
    await line.ask();
    return line;
  }
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const made = connect(options, () => resolve(made)).once('error', reject);
  });
  socket.on('error', () => undefined);
  const line: Line = {
    ask: () =>
      new Promise((resolve, reject) => {
        const failed = (): void => reject(new Error('closed'));
        socket.once('close', failed);
        socket.once('data', (chunk: Buffer) => {
          socket.off('close', failed);
          if (chunk.toString('latin1', 0, 12) === 'HTTP/1.1 200') resolve();
          else reject(new Error(chunk.toString('latin1', 0, 12)));
        });
        socket.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      }),
    isOpen: () => !socket.destroyed,
    onClose: (listener) => socket.once('close', listener),
  };
  await line.ask();
  return line;
}

async function hold({ folder, port, connections, lost, cert, key }: Hold): Promise<void> {
  const read = (name: string): Buffer => readFileSync(join(folder, 'certs', name));
  const ca = read('ca_bundle.pem');
  const mine = { ca, cert: read('client_cert.pem'), key: read('client_key.pem') };
  const closedAt: number[] = [];
  const others: Line[] = [];
  const pending = Array.from({ length: connections }, (_, index) => index);
  const every = Math.round(connections / lost);
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
        const isLost = index % every === 0;
        // By pairs: of the lost ones as well, every other is HTTP/2.
        const line = await open(port, isLost ? { ca, cert, key } : mine, Math.floor(index / every) % 2 === 1);
        if (isLost) line.onClose(() => closedAt.push(Date.now()));
        else others.push(line);
      }
    }),
  );
  process.send?.('open');
  const seen = { asked: 0, failed: 0, slowest: 0 };
  const end = performance.now() + WAIT_MS;
  const round = async (line: Line): Promise<void> => {
    const from = performance.now();
    seen.asked++;
    await line.ask().catch(() => seen.failed++);
    seen.slowest = Math.max(seen.slowest, performance.now() - from);
  };
  while (performance.now() < end) {
    for (let i = 0; i < 16; i++) {
      const line = others[Math.floor(Math.random() * others.length)];
      if (line) await round(line);
    }
    await settle(5);
  }
  // And each of them once more, which takes as long as it takes.
  const { slowest } = seen;
  await Promise.all(others.map(round));
  seen.slowest = slowest;
  const held: Held = {
    closedAt,
    others: { open: others.filter(({ isOpen }) => isOpen()).length, ...seen },
  };
  process.send?.(held);
}

process.on('message', (message: Hold) => void hold(message));
process.on('disconnect', () => process.exit());
