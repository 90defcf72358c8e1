import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import {
  openCertificationAuthority,
  openKeyFile,
  type CertificationAuthority,
  type PkiSettings,
} from '../../../src/pki/index.js';
import { migratePostgresStore } from '../../../src/store/postgres-store.js';
import { openStore, type StoreOptions } from '../../../src/store/index.js';
import { temporaryFolder } from '../folder.js';
import { postgresPlace, type StoreKind } from '../postgres.js';
import { temporarySettings } from '../temporary-authority.js';

const FIXTURES = join(import.meta.dirname, '../../fixtures/store');
/** The files with the stores of earlier versions, oldest first. */
export const earlierVersions: readonly string[] = readdirSync(FIXTURES).sort();

/** Where a CA lives: its folder and its store. */
export interface Place {
  readonly kind: StoreKind;
  readonly folder: string;
  readonly settings: PkiSettings;
  readonly store: StoreOptions;
  readonly remove: () => Promise<void>;
}

const databaseIn = (url: string): string => new pg.Client({ connectionString: url }).database ?? '';

/** A place with nothing in it, or with a copy of a store of the same kind on PostgreSQL. */
export async function emptyPlace(kind: StoreKind, store?: StoreOptions): Promise<Place> {
  const folder = temporaryFolder();
  const database =
    kind === 'SQLite'
      ? { options: { path: join(folder, 'var/veritas.db') }, remove: () => Promise.resolve() }
      : await postgresPlace(folder, store?.url === undefined ? undefined : databaseIn(store.url));
  return {
    kind,
    folder,
    settings: temporarySettings(folder),
    store: database.options,
    remove: async () => {
      await database.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A place with a CA that has signed its first lists, and done `work`. */
export async function placeWithAuthority(
  kind: StoreKind,
  work: (authority: CertificationAuthority) => Promise<void>,
): Promise<Place> {
  const place = await emptyPlace(kind);
  const store = await openStore(place.store);
  const authority = await openCertificationAuthority({ settings: place.settings, store, create: true });
  await authority.crls.publishIfDue();
  await work(authority);
  await store.close();
  await quickenKeys(place);
  return place;
}

/** A place with a store as an earlier version left it, one after the other. */
export async function placeOfEarlierVersion(kind: StoreKind, turn: number): Promise<Place> {
  const place = await emptyPlace(kind);
  const fixture = earlierVersions[turn % earlierVersions.length] ?? '';
  if (place.store.path === undefined) {
    await migratePostgresStore({ ...place.store, url: place.store.url ?? '' }, Number(fixture.slice(0, 4)));
    return place;
  }
  mkdirSync(join(place.folder, 'var'));
  const database = new DatabaseSync(place.store.path);
  database.exec(readFileSync(join(FIXTURES, fixture), 'utf8'));
  database.close();
  return place;
}

/** The same CA once more, elsewhere. */
export async function copyOf(place: Place): Promise<Place> {
  const copy = await emptyPlace(place.kind, place.store);
  cpSync(place.folder, copy.folder, { recursive: true });
  return copy;
}

/** Opening a key takes a quarter of a second by design. What is killed hundreds of times has keys that are derived in fewer rounds. */
export async function quickenKeys({ settings: { directory, passphraseFile } }: Pick<Place, 'settings'>): Promise<void> {
  const passphrase = readFileSync(passphraseFile, 'utf8').trim();
  for (const name of readdirSync(directory).filter((each) => /^[^.].*\.key\.pem$/.test(each))) {
    const path = join(directory, name);
    const key = await openKeyFile({ path, passphraseFile });
    writeFileSync(path, key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }), {
      mode: 0o600,
    });
  }
}
