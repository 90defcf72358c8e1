import * as z from 'zod';
import { duration, integer, port, text } from './setting.js';

/** The listener for NestJS messages over TCP with mutual TLS. Its TLS is that of the namespace `tls`. */
export const microserviceSchema = z.strictObject({
  host: text('a host name or an address to listen on', /^\S+$/, 255)
    .default('0.0.0.0')
    .describe('The address to listen on.'),
  port: port()
    .exactOptional()
    .describe(
      'The port to listen on. Without a port there is no such listener; with 0 the system chooses a free port.',
    ),
  maxMessageSize: integer(1024, 104_857_600).default(131_072).describe('The most characters in one message.'),
  maxConnections: integer(1, 1_000_000)
    .default(10_000)
    .describe('The most connections that may be open at the same time.'),
  idleTimeout: duration('ms', 1, 86_400_000)
    .default(600_000)
    .describe('How long a connection may be idle before the service closes it.'),
  messageTimeout: duration('ms', 1, 3_600_000)
    .default(30_000)
    .describe('How long a client may take to send a whole message.'),
});
