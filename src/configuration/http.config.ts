import * as z from 'zod';
import { isIP } from 'node:net';
import { duration, integer, list, port, text, whenObject } from './setting.js';

const network = text('an IP address, or a network such as 10.0.0.0/8').refine((written) => {
  const [address = '', prefix, ...more] = written.split('/');
  const version = isIP(address);
  return version > 0 && more.length === 0 && (prefix === undefined || isPrefix(prefix, version === 4 ? 32 : 128));
}, 'an IP address, or a network such as 10.0.0.0/8');
const isPrefix = (text: string, most: number): boolean => /^\d{1,3}$/.test(text) && Number(text) <= most;

/** The HTTPS listener and its bounds against slow and greedy clients. */
export const httpSchema = z
  .strictObject({
    host: text('a host name or an address to listen on', /^\S+$/, 255)
      .default('0.0.0.0')
      .describe('The address to listen on.'),
    port: port().default(5000).describe('The port to listen on. With 0 the system chooses a free port.'),
    requestTimeout: duration('ms', 1, 3_600_000)
      .default(30_000)
      .describe('How long a client may take to send a whole request.'),
    headersTimeout: duration('ms', 1, 3_600_000)
      .default(10_000)
      .describe('How long a client may take to send the headers of a request; at most `requestTimeout`.'),
    handshakeTimeout: duration('ms', 1, 3_600_000)
      .default(10_000)
      .describe('How long a client may take for the TLS handshake.'),
    answerTimeout: duration('ms', 1, 3_600_000)
      .default(60_000)
      .describe(
        'How long a client may take to accept waiting octets of an answer. After that the service closes the connection, or the HTTP/2 stream.',
      ),
    keepAliveTimeout: duration('ms', 1, 3_600_000)
      .default(72_000)
      .describe('How long the service keeps an idle connection open.'),
    maxConnections: integer(1, 1_000_000)
      .default(10_000)
      .describe('The most connections that may be open at the same time.'),
    maxConnectionsPerAddress: integer(1, 1_000_000)
      .default(1_000)
      .describe(
        'The most open connections from one address. Here and below, one address is one IPv4 address or one IPv6 network of 64 bits.',
      ),
    maxHandshakes: integer(1, 1_000_000)
      .default(1_000)
      .describe('The most connections that may be in the TLS handshake at the same time.'),
    maxHandshakesPerAddress: integer(1, 1_000_000)
      .default(100)
      .describe('The most connections from one address that may be in the TLS handshake at the same time.'),
    connectionRate: integer(1, 1_000_000)
      .default(1_000)
      .describe(
        'The most new connections per second in the long run. After a pause, up to twice as many are accepted at once.',
      ),
    connectionRatePerAddress: integer(1, 1_000_000)
      .default(100)
      .describe('The same for new connections from one address.'),
    trustedAddresses: list(network, 'IP addresses and networks')
      .default(['127.0.0.0/8', '::1'])
      .describe(
        'Addresses that are exempt from `maxConnectionsPerAddress`, `maxHandshakes`, `maxHandshakesPerAddress`, `connectionRate` and `connectionRatePerAddress`: load balancers and proxies that many clients come through, and probes.',
      ),
    maxHeaderSize: integer(1024, 1_048_576)
      .default(16_384)
      .describe(
        'The most octets of headers in one request. On HTTP/2 a client may send up to 64 KiB until it has acknowledged this limit.',
      ),
    bodyLimit: integer(1, 104_857_600).default(131_072).describe('The most octets in the body of one request.'),
    drainTimeout: duration('ms', 0, 3_600_000)
      .default(10_000)
      .describe('How long open requests may take to finish after the service was told to stop.'),
  })
  .refine(
    // Node.js throws ERR_OUT_OF_RANGE for this, without naming a setting.
    ({ headersTimeout, requestTimeout }) => !(headersTimeout > requestTimeout),
    { path: ['headersTimeout'], message: 'at most http.requestTimeout', when: whenObject },
  );
