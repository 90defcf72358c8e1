import { join } from 'node:path';
import { loadConfiguration, type Configuration } from '../../src/configuration/index.js';
import type { PkiSettings } from '../../src/pki/index.js';

/** The environment of a whole service in a folder of its own, on free ports. */
export function environmentIn(folder: string, port = '0'): Record<string, string> {
  return {
    VERITAS_HTTP_PORT: port,
    VERITAS_REPOSITORY_PORT: '0',
    VERITAS_STORE_PATH: join(folder, 'var/veritas.db'),
    VERITAS_PKI_DIRECTORY: join(folder, 'certs/ca'),
    VERITAS_PKI_PASSPHRASE_FILE: join(folder, 'certs/ca/passphrase'),
    VERITAS_TLS_CERTIFICATE_FILE: join(folder, 'certs/server_cert.pem'),
    VERITAS_TLS_KEY_FILE: join(folder, 'certs/server_key.pem'),
    VERITAS_TLS_CA_FILE: join(folder, 'certs/ca_bundle.pem'),
  };
}

/** The same as settings. */
export const configurationIn = (
  folder: string,
  port?: string,
  more?: Readonly<Record<string, string>>,
): Configuration => loadConfiguration({ environment: { ...environmentIn(folder, port), ...more } });

/** The settings of the CA in a folder with development material. */
export const benchSettings = (folder: string): PkiSettings => ({
  ...configurationIn(folder).pki,
  crlDirectory: join(folder, 'var/crl'),
});
