import { join } from 'node:path';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { clientOptions, serverOptions } from './secure-context.js';
import { readTlsMaterial } from './tls-material.js';
import { DEFAULT_TLS_SETTINGS } from './tls-settings.js';

/** Server options with the development material that `veritas setup` makes, for a first try. Throws TlsSetupError when the material is not there. */
export async function developmentServerOptions(directory = 'certs'): Promise<TlsOptions> {
  const material = await readTlsMaterial(filesIn(directory, 'server'), new Date());
  return serverOptions(
    { ...DEFAULT_TLS_SETTINGS, sessionTimeout: 300, sessionTickets: true, clientAuth: 'optional' },
    material,
  );
}

/** Client options with the development material, for a first try. Throws TlsSetupError when the material is not there. */
export async function developmentClientOptions(directory = 'certs'): Promise<SecureContextOptions> {
  return clientOptions(DEFAULT_TLS_SETTINGS, await readTlsMaterial(filesIn(directory, 'client'), new Date()));
}

const filesIn = (directory: string, side: 'server' | 'client') => ({
  certificateFile: join(directory, `${side}_cert.pem`),
  keyFile: join(directory, `${side}_key.pem`),
  caFile: join(directory, 'ca_bundle.pem'),
});
