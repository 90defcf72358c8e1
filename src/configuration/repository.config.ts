import * as z from 'zod';
import { flag, port, text } from './setting.js';

/** The plain HTTP listener for CRLs and CA certificates (RFC 5280 §8: fetching them must not need them). */
export const repositorySchema = z.strictObject({
  host: text('a host name or an address to listen on', /^\S+$/, 255)
    .default('0.0.0.0')
    .describe('The address to listen on.'),
  port: port().default(5080).describe('The port to listen on. With 0 the system chooses a free port.'),
  enabled: flag().default(true).describe('Whether this process serves the repository and the probes.'),
});
