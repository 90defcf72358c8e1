import { join } from 'node:path';
import { loadConfiguration, type Configuration } from '../../src/configuration/index.js';
import type { PkiSettings } from '../../src/pki/index.js';

/** The settings of a whole service in a folder of its own, on free ports. */
export function configurationIn(
  folder: string,
  port = '0',
  more: Readonly<Record<string, string>> = {},
): Configuration {
  return loadConfiguration({
    environment: {
      VERITAS_HTTP_PORT: port,
      VERITAS_REPOSITORY_PORT: '0',
      VERITAS_STORE_PATH: join(folder, 'var/veritas.db'),
      VERITAS_PKI_DIRECTORY: join(folder, 'certs/ca'),
      VERITAS_PKI_PASSPHRASE_FILE: join(folder, 'certs/ca/passphrase'),
      VERITAS_TLS_CERTIFICATE_FILE: join(folder, 'certs/server_cert.pem'),
      VERITAS_TLS_KEY_FILE: join(folder, 'certs/server_key.pem'),
      VERITAS_TLS_CA_FILE: join(folder, 'certs/ca_bundle.pem'),
      ...more,
    },
  });
}

/** The settings of the CA in a folder with development material. */
export const benchSettings = (folder: string): PkiSettings => ({
  ...configurationIn(folder).pki,
  crlDirectory: join(folder, 'var/crl'),
});
