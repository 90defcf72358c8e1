import { z } from 'zod';
import { duration, integer, port, text, whenObject } from './setting.js';

/** The HTTPS listener and its bounds against slow and greedy clients. */
export const httpSchema = z
  .strictObject({
    host: text('a host name or an address to listen on', /^\S+$/, 255)
      .default('0.0.0.0')
      .describe('The address to listen on.'),
    port: port().default(5000).describe('The port to listen on. 0 takes any free one.'),
    requestTimeout: duration('ms', 1, 3_600_000)
      .default(30_000)
      .describe('How long a client may take to send a whole request.'),
    headersTimeout: duration('ms', 1, 3_600_000)
      .default(10_000)
      .describe('How long a client may take to send the headers of a request; at most `requestTimeout`.'),
    handshakeTimeout: duration('ms', 1, 3_600_000)
      .default(10_000)
      .describe('How long a client may take for the TLS handshake.'),
    keepAliveTimeout: duration('ms', 1, 3_600_000).default(72_000).describe('How long an idle connection stays open.'),
    maxConnections: integer(1, 1_000_000).default(10_000).describe('How many connections may be open at once.'),
    maxHeaderSize: integer(1024, 1_048_576).default(16_384).describe('The most octets of headers in one request.'),
    bodyLimit: integer(1, 104_857_600).default(131_072).describe('The most octets in the body of one request.'),
    drainTimeout: duration('ms', 0, 3_600_000)
      .default(10_000)
      .describe('How long open requests may take to finish when the service is told to stop.'),
  })
  .refine(
    // Node.js throws ERR_OUT_OF_RANGE for this, without naming a setting.
    ({ headersTimeout, requestTimeout }) => !(headersTimeout > requestTimeout),
    { path: ['headersTimeout'], message: 'at most http.requestTimeout', when: whenObject },
  );
