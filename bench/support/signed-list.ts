import { join } from 'node:path';
import { openCertificationAuthority } from '../../src/pki/certification-authority.js';
import { openStore } from '../../src/store/index.js';
import { benchSettings } from './configuration.js';

/** Signs the list of the issuing CA in a folder, and gives the path of its file. */
export async function signList(folder: string): Promise<string> {
  const store = await openStore({ path: join(folder, 'var/veritas.db') });
  const { crls } = await openCertificationAuthority({ settings: benchSettings(folder), store });
  await crls.sign('issuing', { actor: 'bench', requestId: 'bench' });
  await store.close();
  return join(folder, 'var/crl/issuing.crl');
}
