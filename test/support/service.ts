import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { loadConfiguration, type Configuration } from '../../src/configuration/index.js';
import { startService, type RunningService } from '../../src/service.js';
import { checkDocumented } from './documented.js';
import { temporaryFolder } from './folder.js';
import { EMPTY_STORE, postgresPlace, sqlitePlace, type StorePlace } from './postgres.js';

// Where a folder's store is, when it is no file in it.
const STORE_URL = 'store-url';

/** The settings of a whole service in a folder of its own, on free ports: for the service, and for the command line beside it. */
export function environmentIn(folder: string, environment: Record<string, string> = {}): Record<string, string> {
  return {
    VERITAS_HTTP_PORT: '0',
    VERITAS_HTTP_HOST: '127.0.0.1',
    VERITAS_REPOSITORY_PORT: '0',
    VERITAS_REPOSITORY_HOST: '127.0.0.1',
    VERITAS_STORE_PATH: join(folder, 'var/veritas.db'),
    VERITAS_STORE_POLL_INTERVAL: '20ms',
    VERITAS_PKI_DIRECTORY: join(folder, 'certs/ca'),
    VERITAS_PKI_PASSPHRASE_FILE: join(folder, 'certs/ca/passphrase'),
    VERITAS_TLS_CERTIFICATE_FILE: join(folder, 'certs/server_cert.pem'),
    VERITAS_TLS_KEY_FILE: join(folder, 'certs/server_key.pem'),
    VERITAS_TLS_CA_FILE: join(folder, 'certs/ca_bundle.pem'),
    VERITAS_TLS_RELOAD_INTERVAL: '20ms',
    VERITAS_LOG_LEVEL: 'silent',
    ...(existsSync(join(folder, STORE_URL)) ? { VERITAS_STORE_URL_FILE: join(folder, STORE_URL) } : {}),
    ...environment,
  };
}

/** The configuration of a whole service in a folder of its own. */
export function configurationIn(folder: string, environment: Record<string, string> = {}): Configuration {
  return loadConfiguration({ environment: environmentIn(folder, environment) });
}

/** A whole service of the tests. */
export interface ServiceInFolder extends RunningService {
  readonly folder: string;
  /** What is in its store, past the product: see {@link StorePlace}. */
  readonly query: StorePlace['query'];
}

const databases = new Map<string, Promise<StorePlace>>();

/** The store of a folder: with `TEST_STORE=PostgreSQL` a database of its own, the same one at the next start, else a file in it. */
async function storeOf(folder: string): Promise<StorePlace> {
  if (process.env.TEST_STORE !== 'PostgreSQL') return sqlitePlace(folder);
  const opened = databases.get(folder) ?? postgresPlace(folder, EMPTY_STORE);
  databases.set(folder, opened);
  const place = await opened;
  writeFileSync(join(folder, STORE_URL), `${place.options.url ?? ''}\n`, { mode: 0o600 });
  return place;
}

/**
 * Starts the whole service, with its own certification authority, in `folder`. When it is closed, what it answered to the clients of the tests must
 * be in its OpenAPI document.
 */
export async function startIn(
  folder = temporaryFolder(),
  environment: Record<string, string> = {},
): Promise<ServiceInFolder> {
  const { query } = await storeOf(folder);
  const service = await startService(configurationIn(folder, environment));
  const close = async (): Promise<void> => {
    try {
      await checkDocumented(service);
    } finally {
      await service.close();
    }
  };
  return { ...service, folder, query, close };
}

/** Connection options of the development client, or of nobody. */
export function developmentTls(folder: string, client?: 'client'): ConnectionOptions {
  const read = (name: string): Buffer => readFileSync(join(folder, 'certs', name));
  return {
    host: '127.0.0.1',
    servername: 'localhost',
    ca: read('ca_bundle.pem'),
    ...(client ? { cert: read('client_cert.pem'), key: read('client_key.pem') } : {}),
  };
}

/** A GET over plain HTTP: status, type and octets. */
export function getPlain(port: number, path: string): Promise<{ status: number; type: string; body: Buffer }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          body: Buffer.concat(chunks),
        }),
      );
    })
      .on('error', reject)
      .end();
  });
}
