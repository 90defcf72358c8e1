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
      .describe(
        "The cipher suites of TLS 1.2 and 1.3, by their OpenSSL names, in the order of the server's preference.",
      ),
    groups: text('names of key exchange groups joined by colons', /^[A-Za-z0-9_-]+(?::[A-Za-z0-9_-]+)*$/, 256)
      .default('X25519MLKEM768:X25519:P-256:P-384')
      .describe(
        'The key exchange groups, in order of preference. The first default is a post-quantum hybrid. Over TLS 1.2 a certificate with a key on another curve, such as P-521, needs that curve in this list.',
      ),
    sessionTimeout: duration('s', 1, 604_800)
      .default(300)
      .describe(
        'How long a TLS session can be resumed. Validity and revocation of the certificate are checked on each request all the same.',
      ),
    sessionTickets: flag().default(true).describe('Whether clients get session tickets for resumption.'),
    ticketKeysFile: path('the path of a file')
      .exactOptional()
      .describe(
        'A file of at least 32 random octets that only its owner may read. With the same file on every node of a service, each node can resume the sessions of the others. Without it each node has its own ticket keys.',
      ),
    clientAuth: oneOf(['optional', 'required'])
      .default('optional')
      .describe(
        'Whether the handshake fails without a client certificate. With `optional`, public routes answer everyone, and other routes refuse a client without a certificate and give the reason.',
      ),
    certificateFile: path('the path of a PEM file')
      .default('certs/server_cert.pem')
      .describe("The server's certificate, followed by its issuing CA."),
    keyFile: path('the path of a PEM file')
      .default('certs/server_key.pem')
      .describe("The private key of the server's certificate."),
    keyPassphrase: secret('the passphrase of the private key')
      .exactOptional()
      .describe('The passphrase of `keyFile`, when the key is encrypted.'),
    caFile: path('the path of a PEM file')
      .default('certs/ca_bundle.pem')
      .describe('The CA certificates that client certificates must lead to.'),
    reloadInterval: duration('ms', 10, 2_073_600_000)
      .default(250)
      .describe(
        'How often `certificateFile`, `keyFile`, `caFile`, `ticketKeysFile` and `mtls.intermediatesFile` are checked for changes.',
      ),
    renewal: oneOf(['auto', 'off'])
      .default('auto')
      .describe(
        'Whether the service itself renews the certificate in `certificateFile`, with a new key, after two thirds of its lifetime. It renews only certificates that its own CA issued.',
      ),
  })
  .refine(({ minVersion, maxVersion }) => !(versions.indexOf(maxVersion) < versions.indexOf(minVersion)), {
    path: ['minVersion'],
    message: 'at most tls.maxVersion',
    when: ({ value }) => bothVersions.safeParse(value).success,
  });

const bothVersions = z.object({ minVersion: z.enum(versions), maxVersion: z.enum(versions) });
