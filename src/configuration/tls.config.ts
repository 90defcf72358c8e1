import * as z from 'zod';
import { duration, flag, list, oneOf, path, secret, text } from './setting.js';

const versions = ['TLSv1.2', 'TLSv1.3'] as const;

/**
 * The server's side of TLS. The suites of TLS 1.2 all have forward secrecy and authenticated encryption (RFC 9325 §4.2);
 * the last three are those of TLS 1.3 (RFC 8446 §B.4).
 */
export const tlsSchema = z
  .strictObject({
    minVersion: oneOf(versions).default('TLSv1.2').describe('The lowest protocol version accepted.'),
    maxVersion: oneOf(versions)
      .default('TLSv1.3')
      .describe('The highest protocol version accepted; not below `minVersion`.'),
    // A suite's name only: OpenSSL's list language (`!`, `@SECLEVEL=0`, `:`) does not pass.
    ciphers: list(text('the OpenSSL name of a cipher suite', /^[A-Z0-9_-]+$/, 64), 'cipher suites', 1)
      .default([
        'ECDHE-ECDSA-AES128-GCM-SHA256',
        'ECDHE-RSA-AES128-GCM-SHA256',
        'ECDHE-ECDSA-AES256-GCM-SHA384',
        'ECDHE-RSA-AES256-GCM-SHA384',
        'ECDHE-ECDSA-CHACHA20-POLY1305',
        'ECDHE-RSA-CHACHA20-POLY1305',
        'DHE-RSA-AES128-GCM-SHA256',
        'DHE-RSA-AES256-GCM-SHA384',
        'TLS_AES_256_GCM_SHA384',
        'TLS_CHACHA20_POLY1305_SHA256',
        'TLS_AES_128_GCM_SHA256',
      ])
      .describe("The cipher suites of TLS 1.2 and 1.3, by OpenSSL's names. The server's order counts."),
    groups: text('names of key exchange groups joined by colons', /^[A-Za-z0-9_-]+(?::[A-Za-z0-9_-]+)*$/, 256)
      .default('X25519MLKEM768:X25519:P-256:P-384')
      .describe(
        'The key exchange groups, in order of preference. The first is the post-quantum hybrid. Over TLS 1.2 certificates with a key on another curve, as P-521, need it here.',
      ),
    sessionTimeout: duration('s', 1, 604_800)
      .default(300)
      .describe('How long a TLS session can be resumed. Validity and revocation are looked at on each request anyway.'),
    sessionTickets: flag().default(true).describe('Whether clients get tickets to resume a session with.'),
    ticketKeysFile: path('the path of a file')
      .exactOptional()
      .describe(
        'A file of at least 32 random octets, the same on every node of one service and read by its owner only: a session of one node is then resumed by the others. Without it each node has its own.',
      ),
    clientAuth: oneOf(['optional', 'required'])
      .default('optional')
      .describe(
        'Whether the handshake fails without a client certificate. With `optional` public routes answer anybody, and the others refuse with a reason.',
      ),
    certificateFile: path('the path of a PEM file')
      .default('certs/server_cert.pem')
      .describe("The server's certificate, followed by its issuing CA."),
    keyFile: path('the path of a PEM file')
      .default('certs/server_key.pem')
      .describe("The server's private key, which belongs to the certificate."),
    keyPassphrase: secret('the passphrase of the private key')
      .exactOptional()
      .describe('The passphrase of `keyFile`, when that is encrypted.'),
    caFile: path('the path of a PEM file')
      .default('certs/ca_bundle.pem')
      .describe('The CA certificates that client certificates must lead to.'),
    reloadInterval: duration('ms', 10, 2_073_600_000)
      .default(250)
      .describe('How often the files above are looked at for changes.'),
    renewal: oneOf(['auto', 'off'])
      .default('auto')
      .describe(
        'Whether the service renews the certificate above by itself, for a new key, at two thirds of its lifetime. Only one that its own CA issued.',
      ),
  })
  .refine(({ minVersion, maxVersion }) => !(versions.indexOf(maxVersion) < versions.indexOf(minVersion)), {
    path: ['minVersion'],
    message: 'at most tls.maxVersion',
    when: ({ value }) => bothVersions.safeParse(value).success,
  });

const bothVersions = z.object({ minVersion: z.enum(versions), maxVersion: z.enum(versions) });
