import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration, type Configuration } from '../../src/configuration/index.js';
import { startService } from '../../src/service.js';

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

/** Makes a folder with development material, by a first start of the service; removed when the process ends. */
export async function materialFolder(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'veritas-bench-'));
  process.on('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  // What it logs would stand among the figures.
  await (await startService(configurationIn(folder, '0', { VERITAS_LOG_LEVEL: 'silent' }))).close();
  return folder;
}
