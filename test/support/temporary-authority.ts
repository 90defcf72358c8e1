import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  openCertificationAuthority,
  type CertificationAuthority,
  type CertificationAuthorityOptions,
  type PkiSettings,
} from '../../src/pki/index.js';
import { openStore, type Store } from '../../src/store/index.js';

/** A real CA on a real store in a folder of its own. */
export interface TemporaryAuthority {
  readonly folder: string;
  readonly settings: PkiSettings;
  readonly store: Store;
  readonly authority: CertificationAuthority;
  /** Opens the same CA on a store connection of its own, as another process would. */
  readonly reopen: (options?: Partial<CertificationAuthorityOptions>) => Promise<CertificationAuthority>;
  readonly close: () => Promise<void>;
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'veritas-'));

/** The settings of a CA in `folder`, as the configuration's defaults have them. */
export const temporarySettings = (folder: string): PkiSettings => ({
  directory: join(folder, 'certs/ca'),
  passphraseFile: join(folder, 'certs/ca/passphrase'),
  crlDirectory: join(folder, 'var/crl'),
  organization: 'VERITAS Framework',
  crlLifetime: 86_400,
  crlOverlap: 43_200,
  publicationUrl: 'http://localhost:5080',
  serviceLifetime: 86_400,
  backdate: 60,
});

let template: Promise<string> | undefined;

async function makeTemplate(): Promise<string> {
  const folder = temporaryFolder();
  const store = await openStore({ path: join(folder, 'var/veritas.db') });
  await openCertificationAuthority({ settings: temporarySettings(folder), store, create: true });
  await store.close();
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export async function openTemporaryAuthority(
  options: Partial<CertificationAuthorityOptions> = {},
): Promise<TemporaryAuthority> {
  const folder = temporaryFolder();
  // Deriving a key from a passphrase takes time on purpose: one CA a test file is made, the others are copies.
  if (!options.settings) cpSync(await (template ??= makeTemplate()), folder, { recursive: true });
  const settings = options.settings ?? temporarySettings(folder);
  const path = join(folder, 'var/veritas.db');
  const stores: Store[] = [];
  const open = async (more: Partial<CertificationAuthorityOptions>): Promise<CertificationAuthority> => {
    const store = await openStore({ path });
    stores.push(store);
    return openCertificationAuthority({ settings, store, ...more });
  };
  const authority = await open({ create: true, ...options });
  return {
    folder,
    settings,
    store: authority.store,
    authority,
    reopen: (more = {}) => open({ ...options, ...more }),
    close: async () => {
      for (const store of stores) await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Somebody who asks, and may have everything. */
export const somebody = { actor: 'test', requestId: 'request-1', standing: 'operator' } as const;
