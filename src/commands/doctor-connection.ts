import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { checksUpTo, REFUSALS, type RefusalCode } from '../mtls/index.js';
import { decodeCertificates, DecodeError } from '../x509/index.js';
import { CommandError, messageOf, networkReasonOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { readInputFile, readOwnersFile } from './files.js';
import { plain } from './output.js';
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
const MAX_OCTETS = 64 * 1024;
const MAX_SKEW_MS = 60_000;

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
    const answer = await get(socket, { place, path });
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

/** The connection was taken, and yet there is no answer that can be read. */
class AnswerError extends Error {
  override readonly name = 'AnswerError';

  constructor(
    message: string,
    readonly mend: string,
  ) {
    super(message);
  }
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

interface Answer {
  readonly status: number;
  readonly date: string | undefined;
  readonly body: string;
}

/** Reads the body only of what may be a refusal: an answer of another kind may be of any length, or have no end. */
function get(socket: TLSSocket, { place, path }: { readonly place: string; readonly path: string }): Promise<Answer> {
  // Without the port where it is that of the scheme, as other clients send it (RFC 9110 §7.2).
  const { host } = new URL(`https://${place}`);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const fail = (error: Error, hasBegun: boolean): void => {
      reject(signal.aborted ? LATE : (hasBegun ? CUT_OFF : isUnreadable(error) && NO_HTTP) || error);
    };
    const asked = request(
      { path, createConnection: () => socket, headers: { host, connection: 'close' }, signal },
      (response) => {
        const { statusCode: status = 0, headers } = response;
        let body = '';
        const end = (): void => {
          resolve({ status, date: headers.date, body });
        };
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
          if (body.length > MAX_OCTETS) end();
        });
        response.on('error', (error) => {
          fail(error, true);
        });
        response.on('end', end);
        if (status < 400) end();
      },
    );
    asked.on('error', (error) => {
      fail(error, false);
    });
    asked.end();
  });
}

const LATE = new AnswerError(
  `no whole answer came within ${TIMEOUT_MS / 1000} s`,
  'look whether the service is overloaded, or waits for another; or ask for another path with --path',
);
const CUT_OFF = new AnswerError(
  'the answer was cut off',
  'look into the log of the service, and for a proxy between that ends connections',
);
const NO_HTTP = new AnswerError(
  'what came is no HTTP/1.1',
  'name the port on which the service speaks HTTPS (http.port): another protocol is spoken on this one',
);

/** The codes of Node.js' parser of HTTP. */
const isUnreadable = ({ code = '' }: NodeJS.ErrnoException): boolean => code.startsWith('HPE_');

function clockCheck({ date }: Answer, now: Date): Check[] {
  const there = Date.parse(date ?? '');
  if (Number.isNaN(there)) return [];
  const skew = Math.round((there - now.getTime()) / 1000);
  return [
    {
      check: 'clock',
      ok: Math.abs(skew) * 1000 <= MAX_SKEW_MS,
      // `Date` is cut off to whole seconds.
      detail:
        Math.abs(skew) <= 1 ? 'as here' : `that of the service is ${Math.abs(skew)} s ${skew > 0 ? 'ahead' : 'behind'}`,
      mend: 'set the clocks of both machines right: validity is judged by them',
    },
  ];
}

/** The statuses with which proxies answer when a client certificate is missing or not accepted. */
const BEFORE_THE_GUARD: ReadonlySet<number> = new Set([400, 401, 403, 421]);

/** The verdict of the guard: its code says which check failed, and that all checks before it passed. */
function guardChecks({ status, body }: Answer, isPresented: boolean): Check[] {
  const { code, detail, request_id: id } = problemIn(body);
  if (!isRefusal(code)) {
    if (status === 429 || status >= 500)
      return [
        {
          check: 'answer',
          ok: false,
          detail: `${status}${code === undefined ? '' : ` (${plain(code)})`}: ${plain(detail ?? 'without a reason')}`,
          mend: status === 429 ? 'ask less often' : 'look into the log of the service',
        },
      ];
    if (code === undefined && BEFORE_THE_GUARD.has(status))
      return [
        {
          check: 'answer',
          ok: false,
          detail: `${status}: without a code of the guard`,
          mend: 'look for what answers before it, such as a proxy, and into the log of that',
        },
      ];
    return [{ check: 'guard', ok: true, detail: `let in; the answer is ${status}` }];
  }
  const { mend, said } =
    code === 'client_certificate_required' && isPresented ? NOT_SEEN : toldBy(plain(detail ?? code), code);
  const reason = `${said} (${code}, request ${plain(id ?? 'unknown')})`;
  return checksUpTo(code).map(({ check, ok }) =>
    ok ? { check: `guard: ${check}`, ok, detail: 'passed' } : { check: `guard: ${check}`, ok, detail: reason, mend },
  );
}

/** The answer ends with the mend, which is printed on its own here. */
function toldBy(told: string, code: RefusalCode): { readonly said: string; readonly mend: string } {
  const { mend } = REFUSALS[code];
  return { said: told.endsWith(` ${mend}`) ? told.slice(0, -mend.length - 1) : told, mend };
}

/** The guard says that there is no certificate, and yet one was presented in the handshake. */
const NOT_SEEN = {
  said: 'The certificate was presented, but the service saw none of a client.',
  mend:
    'if it is that of a trusted proxy (mtls.trustedProxies), present that of a client: a proxy is nobody by itself; if a proxy is between, ' +
    'look that the proxy hands the certificate on; else that the server asks for certificates (requestCert)',
};

const isRefusal = (code: string | undefined): code is RefusalCode =>
  code !== undefined && Object.hasOwn(REFUSALS, code);

function problemIn(body: string): {
  code?: string | undefined;
  detail?: string | undefined;
  request_id?: string | undefined;
} {
  try {
    const value = JSON.parse(body) as Readonly<Record<string, unknown>> | null;
    const text = (name: string): string | undefined => (typeof value?.[name] === 'string' ? value[name] : undefined);
    return { code: text('code'), detail: text('detail'), request_id: text('request_id') };
  } catch {
    return {};
  }
}
