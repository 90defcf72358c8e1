import type { TcpSocketConnectOpts } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { ValidatedPath } from '../../x509/index.js';
import { expectedPeer, serverNameOf, type ExpectedPeer } from './expected-peer.js';
import type { Generation, ResumableSession } from './generation.js';
import { PeerRefusedError } from './peer-refused-error.js';
import { sentCertificates } from './sent-certificates.js';

/** How a host is looked up and which own address is used, as `net.connect` takes it. None of it has a say in whom to expect. */
export type Route = Pick<
  TcpSocketConnectOpts,
  'lookup' | 'hints' | 'family' | 'localAddress' | 'localPort' | 'autoSelectFamily' | 'autoSelectFamilyAttemptTimeout'
>;

/** Where to connect to, and which server to expect there. */
export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  /** For the server name indication, and the expected name when `peer` is absent; by default the host. */
  readonly servername?: string | undefined;
  /** A DNS name, an IP address, or a SPIFFE ID. */
  readonly peer?: string | undefined;
  /** Application protocols, the preferred one first (RFC 7301). */
  readonly protocols?: readonly string[] | undefined;
  readonly route?: Route | undefined;
  /** Ends the attempt; it has no say about the connection once that is given. */
  readonly signal?: AbortSignal | undefined;
}

/** A connection whose server has proven, by the path of its certificate, to be the expected one. */
export interface ServerConnection {
  readonly socket: TLSSocket;
  readonly path: ValidatedPath;
}

/** A connection that is being made. */
export interface ConnectionAttempt {
  /** What is written to it waits for the end of the handshake, and is thrown away with it when the server is refused there: as in Node.js's own agent. */
  readonly socket: TLSSocket;
  readonly connected: Promise<ServerConnection>;
}

export interface ConnectOptions {
  readonly clock: () => Date;
  /** Milliseconds. */
  readonly handshakeTimeout: number;
  /** By which the server is judged, once it is known; by default the one that the connection is made with. */
  readonly judge?: () => Generation;
}

const KEEP_ALIVE_DELAY = 60_000;

/** As {@link beginConnection}, and gives the connection once the server has proven to be the expected one. */
export const connectTo = async (...from: Parameters<typeof beginConnection>): Promise<ServerConnection> =>
  beginConnection(...from).connected;

/**
 * Connects with the certificate of `generation`. Unless the server proves to be the expected one the socket is destroyed, and the promise rejected with
 * {@link PeerRefusedError}. Throws RangeError as {@link expectedPeer}, and the reason of a signal that has been aborted.
 *
 * OpenSSL only proves that the server holds its certificate's key; it has no say about trust (`rejectUnauthorized: false`). Node.js would look at
 * OpenSSL's verdict only after the handshake, as we do; not at all when a session is resumed; and by no other clock than the system's.
 */
export function beginConnection(
  generation: Generation,
  target: ConnectTarget,
  { clock, handshakeTimeout, judge = () => generation }: ConnectOptions,
): ConnectionAttempt {
  const { host, port, protocols = [], signal } = target;
  const named = target.servername ?? serverNameOf(host);
  const servername = serverNameOf(named);
  // An address is not sent as a server name, but it is expected all the same.
  const expected = expectedPeer(target.peer ?? (named === '' ? host : named));
  const key = JSON.stringify([host, port, servername, expected, protocols]);
  const session = generation.session(key, clock());
  signal?.throwIfAborted();
  const socket = connect({
    ...target.route,
    host,
    port,
    servername,
    secureContext: generation.context,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    session: session?.ticket,
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
  });
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY).setNoDelay(true);
  const connected = new Promise<ServerConnection>((resolve, reject) => {
    const late = setTimeout(() => {
      socket.destroy(new PeerRefusedError('handshake_timeout', 'it did not finish the handshake in time'));
    }, handshakeTimeout);
    const abort = (): void => {
      socket.destroy(signal?.reason as Error);
    };
    signal?.addEventListener('abort', abort);
    const settle = (): void => {
      clearTimeout(late);
      signal?.removeEventListener('abort', abort);
    };
    const fail = (error: Error): void => {
      settle();
      reject(error);
    };
    socket.once('error', fail);
    const closed = (): void => {
      fail(new Error('the connection was closed in the handshake'));
    };
    socket.once('close', closed);
    let path: ValidatedPath | undefined;
    // Listens from the start: on TLS 1.2 Node.js asks for the session in the handshake, and reports it after `secureConnect`.
    socket.on('session', (ticket: Buffer) => {
      if (path) generation.keepSession(key, { ticket, path });
    });
    socket.once('secureConnect', () => {
      try {
        const time = clock();
        path = checkSocket(socket, expected, session, { generation, judge: judge(), time });
      } catch (error) {
        generation.forgetSession(key);
        socket.destroy(error as Error);
        return;
      }
      settle();
      socket.off('error', fail).off('close', closed);
      resolve({ socket, path });
    });
  });
  return { socket, connected };
}

function checkSocket(
  socket: TLSSocket,
  expected: ExpectedPeer,
  session: ResumableSession | undefined,
  { generation, judge, time }: { readonly generation: Generation; readonly judge: Generation; readonly time: Date },
): ValidatedPath {
  const sent = sentCertificates(socket);
  if (!socket.isSessionReused()) {
    if (!sent) throw new PeerRefusedError('no_certificate', 'it presented no certificate');
    return judge.serverOf(sent, expected, time);
  }
  // Whoever holds the session's secret is the server that was checked when the session was made, under this name. The certificates above its own are
  // not sent again.
  const isSame = !sent || sent[0].fingerprint256 === session?.path.leaf.fingerprint256;
  if (!session || !isSame)
    throw new PeerRefusedError('wrong_session', 'its session is not the one that was to be resumed');
  if (!session.path.isCurrent(time)) throw new PeerRefusedError('expired', 'the certificate of its session is over');
  if (judge !== generation) return judge.serverOf(session.path.certificates, expected, time);
  generation.admitServer(session.path, time);
  return session.path;
}
