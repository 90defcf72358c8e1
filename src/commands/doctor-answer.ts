import { request } from 'node:http';
import type { TLSSocket } from 'node:tls';

const TIMEOUT_MS = 10_000;
const MAX_OCTETS = 64 * 1024;

/** The connection was taken, and yet there is no answer that can be read. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';

  constructor(
    message: string,
    readonly mend: string,
  ) {
    super(message);
  }
}

/** What a service answered. */
export interface Answer {
  readonly status: number;
  readonly date: string | undefined;
  readonly body: string;
}

/**
 * Asks the service at `place` (host and port, as in a URL) for `path` over its connection. Reads the body only of what may be a refusal: an answer of another kind
 * may be of any length, or have no end. Throws {@link AnswerError}, and what the connection throws.
 */
export function answerOver(
  socket: TLSSocket,
  { place, path }: { readonly place: string; readonly path: string },
): Promise<Answer> {
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
