import { join } from 'node:path';
import {
  openCertificationAuthority,
  type CertificationAuthority,
  type CertificationAuthorityOptions,
  type PkiSettings,
} from '../../src/pki/index.js';
import { openStore, type Store } from '../../src/store/index.js';
import { sqlitePlace, type NewPlace, type StorePlace } from './postgres.js';

/** A real CA on a real store in a folder of its own. */
export interface TemporaryAuthority {
  readonly folder: string;
  readonly place: StorePlace;
  readonly settings: PkiSettings;
  readonly store: Store;
  readonly authority: CertificationAuthority;
  /** Opens the same CA on a store connection of its own, as another process would. */
  readonly reopen: (options?: Partial<CertificationAuthorityOptions>) => Promise<CertificationAuthority>;
  readonly close: () => Promise<void>;
}

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

const templates = new Map<NewPlace, Promise<StorePlace>>();
const newFile: NewPlace = () => sqlitePlace();

async function makeTemplate(newPlace: NewPlace): Promise<StorePlace> {
  const place = await newPlace();
  const store = await openStore(place.options);
  await openCertificationAuthority({ settings: temporarySettings(place.folder), store, create: true });
  await store.close();
  return place;
}

async function copyOfTemplate(newPlace: NewPlace): Promise<StorePlace> {
  const template = templates.get(newPlace) ?? makeTemplate(newPlace);
  templates.set(newPlace, template);
  return (await template).copy();
}

/** `newPlace`: where its store is made, of `describeOnEachStore`; a SQLite file when absent. */
export async function openTemporaryAuthority({
  newPlace = newFile,
  ...options
}: Partial<CertificationAuthorityOptions> & { readonly newPlace?: NewPlace } = {}): Promise<TemporaryAuthority> {
  // To make a CA takes time: one a test file is made, the others are copies, unless they are to have settings of their own.
  const place = await (options.settings ? newPlace() : copyOfTemplate(newPlace));
  const settings = options.settings ?? temporarySettings(place.folder);
  const stores: Store[] = [];
  const open = async (more: Partial<CertificationAuthorityOptions>): Promise<CertificationAuthority> => {
    const store = await openStore(place.options);
    stores.push(store);
    // A time that is simulated is the database's as well.
    if (more.now) Object.assign(store, { clock: () => Promise.resolve(undefined) });
    return openCertificationAuthority({ settings, store, ...more });
  };
  const authority = await open({ create: true, ...options });
  return {
    folder: place.folder,
    place,
    settings,
    store: authority.store,
    authority,
    reopen: (more = {}) => open({ ...options, ...more }),
    close: async () => {
      for (const store of stores) await store.close();
      await place.remove();
    },
  };
}

/** Somebody who asks, and may have everything. */
export const somebody = { actor: 'test', requestId: 'request-1', standing: 'operator' } as const;
