import { once } from 'node:events';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;
export const END_STREAM = 1;
export const END_HEADERS = 4;
const GOAWAY = 7;

/** One frame (RFC 9113 §4.1). */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** A 32-bit number, as RST_STREAM and WINDOW_UPDATE carry. */
export function number32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

/** The fields of a request, without Huffman coding and dynamic table (RFC 7541 §6). */
export function requestFields(path: string, method: 'GET' | 'POST' = 'GET'): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
  return Buffer.concat([
    Buffer.of(method === 'GET' ? 0x82 : 0x83, 0x87, 0x44),
    text(path),
    Buffer.of(0x41),
    text('localhost'),
  ]);
}

/** An HTTP/2 connection that says whatever a test wants. */
export class FrameConnection {
  #received: Buffer[] = [];
  readonly #close: Promise<void>;

  private constructor(readonly socket: TLSSocket) {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#received.push(chunk));
    this.#close = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  }

  static async open(port: number, options: ConnectionOptions): Promise<FrameConnection> {
    const socket = connect({ ...options, port, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    const connection = new FrameConnection(socket);
    connection.send(PREFACE, frame(SETTINGS, 0, 0));
    return connection;
  }

  send(...frames: readonly Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames));
  }

  /** Says it again and again until the connection has closed. */
  keepSending(milliseconds: number, next: () => Uint8Array): void {
    const timer = setInterval(() => this.send(next()), milliseconds);
    void this.#close.then(() => {
      clearInterval(timer);
    });
  }

  /** Waits until the server has closed the connection. */
  async untilClosed(): Promise<void> {
    await this.#close;
  }

  /** Waits until the server has reset a stream. */
  async untilReset(stream: number): Promise<number> {
    for (;;) {
      const reset = this.#frames().find((each) => each.type === RST_STREAM && each.stream === stream);
      if (reset) return reset.payload.readUInt32BE(0);
      await once(this.socket, 'data');
    }
  }

  /** The error of the GOAWAY that came, if one did. */
  get goaway(): number | undefined {
    return this.#frames()
      .find(({ type }) => type === GOAWAY)
      ?.payload.readUInt32BE(4);
  }

  close(): void {
    this.socket.destroy();
  }

  #frames(): { readonly type: number; readonly stream: number; readonly payload: Buffer }[] {
    const octets = Buffer.concat(this.#received);
    this.#received = [octets];
    const frames = [];
    for (let at = 0; at + 9 <= octets.length;) {
      const length = octets.readUIntBE(at, 3);
      if (at + 9 + length > octets.length) break;
      frames.push({
        type: octets.readUInt8(at + 3),
        stream: octets.readUInt32BE(at + 5),
        payload: octets.subarray(at + 9, at + 9 + length),
      });
      at += 9 + length;
    }
    return frames;
  }
}
