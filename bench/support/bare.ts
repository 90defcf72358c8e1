// What the bare servers need. It imports nothing of this product: their start and their memory are to be their own.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';

/** TLS 1.3 that asks for a client certificate, for the bare servers: the same certificate, key and CAs. */
export function bareTls(folder: string): TlsOptions {
  const read = (name: string): Buffer => readFileSync(join(folder, 'certs', name));
  return {
    cert: read('server_cert.pem'),
    key: read('server_key.pem'),
    ca: read('ca_bundle.pem'),
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: false,
  };
}

/** What every server under test answers. */
export const BODY = {
  message: 'mTLS authentication successful',
  client: { service: 'veritas-client', common_name: 'veritas-client', authenticated: true },
};
export const PATH = '/api/v1/test';
