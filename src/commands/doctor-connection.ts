import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { REFUSALS } from '../mtls/index.js';
import { decodeCertificates, DecodeError } from '../x509/index.js';
import { CommandError, messageOf, networkReasonOf } from './command-error.js';
import { AnswerError, answerOver } from './doctor-answer.js';
import { clockCheck, guardChecks } from './doctor-verdict.js';
import { ExitCode } from './exit-code.js';
import { readInputFile, readOwnersFile } from './files.js';
import { configurationOf, type Session } from './session.js';
import { runOwnChecks, type Check } from './verify-checks.js';

/** Where a service listens. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** The connection that is examined. */
export interface Connection {
  /** Undefined: no certificate is presented. */
  readonly certificate: string | undefined;
  readonly key?: string;
  readonly connect: Endpoint;
  readonly ca?: string;
  readonly path: string;
}

const TIMEOUT_MS = 10_000;

/**
 * Every step of a client's way into a service, up to the one that fails: its certificate, the connection, the handshake, and each check of the guard.
 */
export async function diagnose(session: Session, connection: Connection): Promise<Check[]> {
  const { certificate } = connection;
  const caIn = (): Promise<Buffer> => readInputFile(connection.ca ?? configurationOf(session).tls.caFile, session);
  if (certificate === undefined) return ask(connection, { ca: await caIn(), now: session.now() });
  const pem = await readInputFile(certificate, session);
  const keyPem = keyOf(certificate, connection.key, pem);
  try {
    const own = ownChecks(pem, keyPem, session.now());
    // A certificate and a key that do not belong together fit no handshake. On everything else the service has the last word.
    if (own.some(({ check, ok }) => check === 'key' && !ok)) return own;
    return [
      ...own,
      ...(await ask(connection, { presented: { cert: pem, key: keyPem }, ca: await caIn(), now: session.now() })),
    ];
  } finally {
    keyPem.fill(0);
  }
}

/** The private key: as named, in the same file, or beside it under its usual name. Throws CommandError. */
function keyOf(certificate: string, key: string | undefined, pem: Buffer): Buffer {
  if (key !== undefined) return readOwnersFile(key);
  if (pem.includes('PRIVATE KEY-----')) return Buffer.from(pem);
  const beside = [certificate.replace(/(\.\w+)?$/, '.key'), certificate.replace(/_cert(?=\.\w+$)/, '_key')];
  const found = beside.find((path) => path !== certificate && existsSync(path));
  if (found === undefined)
    throw new CommandError(
      `there is no private key beside ${certificate}`,
      ExitCode.unusable,
      'name it with --key: without it nothing can be presented',
    );
  return readOwnersFile(found);
}

function ownChecks(pem: Buffer, keyPem: Buffer, now: Date): Check[] {
  let publicKey: KeyObject;
  try {
    publicKey = createPublicKey(createPrivateKey(keyPem));
  } catch {
    throw new CommandError(
      'the private key cannot be read',
      ExitCode.unusable,
      'name an unencrypted PEM key with --key',
    );
  }
  try {
    const [leaf, ...offered] = decodeCertificates(pem);
    return runOwnChecks({ leaf, offered, publicKey, purpose: 'client', now });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return [{ check: 'readable', ok: false, detail: error.message, mend: REFUSALS.client_certificate_malformed.mend }];
  }
}

interface Material {
  readonly presented?: { readonly cert: Buffer; readonly key: Buffer };
  readonly ca: Buffer;
  readonly now: Date;
}

async function ask({ connect: { host, port }, path }: Connection, material: Material): Promise<Check[]> {
  const place = placeOf({ host, port });
  const checks: Check[] = [];
  const fail = (check: string, detail: string, mend: string): Check[] => [
    ...checks,
    { check, ok: false, detail, mend },
  ];
  let socket: TLSSocket;
  try {
    socket = await handshake({ host, port }, material);
  } catch (error) {
    return fail(...stuckAt(error, { host, port }));
  }
  try {
    checks.push({ check: 'connect', ok: true, detail: place });
    checks.push({ check: 'handshake', ok: true, detail: socket.getProtocol() ?? 'TLS' });
    const wrong = serverProblem(socket, host);
    if (wrong !== undefined)
      return fail(
        'server certificate',
        wrong,
        'name the CA bundle of the service with --ca, and the host as its certificate has it; ask its operator for both',
      );
    checks.push({ check: 'server certificate', ok: true, detail: `is ${host}'s, and leads to a trusted CA` });
    const answer = await answerOver(socket, { place, path });
    const isPresented = material.presented !== undefined;
    return [...checks, ...clockCheck(answer, material.now), ...guardChecks(answer, isPresented)];
  } catch (error) {
    if (error instanceof AnswerError) return fail('answer', error.message, error.mend);
    return fail(
      'handshake',
      networkReasonOf(error),
      'the service ended the connection, as one does that takes no client without a certificate of its CAs (tls.clientAuth: required): look into its log for handshake_failed',
    );
  } finally {
    socket.destroy();
  }
}

function handshake({ host, port }: Endpoint, { presented, ca }: Material): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ...presented,
      ca,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ['http/1.1'],
      // Checked in a step of its own, so that the step has a name; nothing is sent before that.
      rejectUnauthorized: false,
    });
    const connected = { is: false };
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`nothing came for ${TIMEOUT_MS} ms`)));
    socket.once('connect', () => (connected.is = true));
    socket.once('secureConnect', () => {
      resolve(socket.setTimeout(0));
    });
    socket.once('error', (error: Error) => {
      reject(connected.is ? new HandshakeError(networkReasonOf(error)) : error);
    });
  });
}

class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
}

function stuckAt(error: unknown, { host, port }: Endpoint): [check: string, detail: string, mend: string] {
  if (error instanceof HandshakeError)
    return [
      'handshake',
      error.message,
      'compare tls.minVersion and tls.ciphers of both ends; is it a TLS port at all?',
    ];
  const mend = 'look whether the service runs, listens there (http.host, http.port), and whether a firewall is between';
  return ['connect', `${placeOf({ host, port })}: ${messageOf(error)}`, mend];
}

function serverProblem(socket: TLSSocket, host: string): string | undefined {
  if (!socket.authorized) return String(socket.authorizationError);
  const certificate = socket.getPeerX509Certificate();
  const isItsName = isIP(host) === 0 ? certificate?.checkHost(host, { subject: 'never' }) : certificate?.checkIP(host);
  return isItsName === undefined
    ? `its names are not ${host}: ${certificate?.subjectAltName ?? 'it has none'}`
    : undefined;
}

const placeOf = ({ host, port }: Endpoint): string => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
