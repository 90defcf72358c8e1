import { readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '../configuration/index.js';
import {
  BackupReader,
  decryptFromAge,
  ensurePrivateFolder,
  restore as restoreBackup,
  type AgeKey,
  type BackupFile,
  type PkiSettings,
  type PublishedList,
  type Restored,
} from '../pki/index.js';
import { fetchCrl } from '../revocation/index.js';
import { openStore } from '../store/index.js';
import { ageKeyFrom, readSecretText, withAgeKey } from './age-key.js';
import { CommandError, messageOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { statsOf, unreadable } from './files.js';
import { PendingFile } from './pending-file.js';
import { configurationOf, pkiSettingsOf, requester, type Session } from './session.js';

const READ_OCTETS = 256 * 1024;

/** The flags of `veritas restore`. */
export interface RestoreOptions {
  readonly identityFile?: string;
  readonly passphraseFile?: string;
  readonly crl?: readonly string[];
  readonly apply?: boolean;
  readonly withoutCrl?: boolean;
}

/** `veritas restore`: restores a backup into an empty place, proven and compared with the lists that were published; or restores nothing. */
export async function restore(session: Session, path: string, options: RestoreOptions): Promise<void> {
  const { identityFile, passphraseFile, crl = [] } = options;
  const identities = identityFile === undefined ? undefined : { identities: readSecretText(identityFile) };
  const key: AgeKey = ageKeyFrom(passphraseFile, { flag: '--identity-file', key: identities });
  const configuration = configurationOf(session);
  const settings = pkiSettingsOf(configuration);
  const published = [...(await namedLists(crl)), ...(await foundLists(settings))];
  if (statsOf(path)?.isDirectory()) throw unreadable(path, { code: 'EISDIR' });
  const file = await open(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const octets = file.createReadStream({ highWaterMark: READ_OCTETS, autoClose: false });
    const reader = await withAgeKey(ExitCode.unusable, () => BackupReader.open(decryptFromAge(octets, key)));
    const restored = await restoreFrom(reader, { session, configuration, settings, published, options });
    session.output.result(resultOf(restored), describe(restored, settings));
  } finally {
    await file.close();
  }
}

async function restoreFrom(
  reader: BackupReader,
  parts: {
    readonly session: Session;
    readonly configuration: Configuration;
    readonly settings: PkiSettings;
    readonly published: readonly PublishedList[];
    readonly options: RestoreOptions;
  },
): Promise<Restored> {
  const { session, settings, published } = parts;
  const { apply = false, withoutCrl = false } = parts.options;
  const { path, url } = parts.configuration.store;
  // Without a row it harms nobody, and stays when the restore fails: another restore may be filling it.
  const store = await openStore({ path, url, bare: true });
  const bar = session.output.progressBar('Rows');
  const keyFiles = new KeyFiles(settings);
  try {
    const restored = await restoreBackup(reader, {
      ...{ store, settings, published, apply, withoutCrl, requester: requester(), now: session.now },
      prepare: (files) => {
        keyFiles.prepare(files);
      },
      onProgress: (rows, of) => {
        bar.update(rows, of);
      },
    });
    keyFiles.place();
    return restored;
  } finally {
    bar.end();
    keyFiles.discard();
    await store.close();
  }
}

async function namedLists(sources: readonly string[]): Promise<PublishedList[]> {
  const lists: PublishedList[] = [];
  for (const source of sources) {
    try {
      const fetched = await fetchCrl(source, undefined);
      if (fetched) lists.push({ source, octets: fetched.octets });
    } catch (error) {
      throw new CommandError(
        `the revocation list ${source} cannot be read (${messageOf(error)})`,
        ExitCode.unusable,
        'look at its name',
      );
    }
  }
  return lists;
}

/** The lists that this CA published here, if they are still there. */
async function foundLists({ crlDirectory = '' }: PkiSettings): Promise<PublishedList[]> {
  if (!statsOf(crlDirectory)) return [];
  // Deltas and shards are in a folder of their issuer.
  const sources = namesIn(crlDirectory).filter((name) => name.endsWith('.crl'));
  const lists = await namedLists(sources.sort().map((name) => join(crlDirectory, name)));
  return lists.map((list) => ({ ...list, found: true }));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    throw unreadable(folder, error);
  }
}

/** The files of the CA's keys: written beside their places before the store is restored, and moved there after it. Nothing is ever overwritten. */
class KeyFiles {
  readonly #directory: string;
  readonly #pending: PendingFile[] = [];

  constructor({ directory }: PkiSettings) {
    this.#directory = directory;
  }

  prepare(files: readonly BackupFile[]): void {
    if (files.length > 0) ensurePrivateFolder(this.#directory);
    for (const { file, contents } of files) {
      const pending = new PendingFile(join(this.#directory, file), file.endsWith('.key.pem') ? 0o600 : 0o644);
      this.#pending.push(pending);
      pending.write(contents);
      pending.flush();
    }
  }

  place(): void {
    try {
      for (const pending of this.#pending) pending.placeAnew();
    } catch (error) {
      throw new CommandError(
        `the store is restored, but not the keys: ${messageOf(error)}`,
        ExitCode.unusable,
        `take away what is in ${this.#directory}, and restore once more`,
      );
    }
  }

  discard(): void {
    for (const pending of this.#pending) pending.discard();
  }
}

const resultOf = ({ manifest, issuers, rows, keysOpened, already }: Restored) => ({
  created_at: manifest.created_at,
  rows,
  audit_head: manifest.audit_head,
  keys: manifest.keys,
  keys_opened: keysOpened,
  already,
  issuers: issuers.map(({ id, comparedWith, crlNumber, revoked, lost }) => ({
    id,
    compared_with: comparedWith ?? null,
    crl_number: crlNumber,
    revoked_again: revoked,
    revoked_without_certificate: lost,
  })),
});

function describe({ manifest, issuers, rows, keysOpened, already }: Restored, settings: PkiSettings): string {
  if (already) return `The store was restored before from this backup; the keys are in ${settings.directory} now.`;
  const lines = [
    `Restored ${rows} rows as of ${manifest.created_at}, the audit record up to row ${manifest.audit_head.sequence}.`,
  ];
  for (const { id, comparedWith, crlNumber, revoked, lost } of issuers) {
    const compared = comparedWith
      ? `compared with list ${comparedWith.number}, ${comparedWith.source}`
      : 'compared with no list';
    lines.push(`${id}: ${compared}; the next list has a number above ${crlNumber}.`);
    lines.push(...revoked.map((serial) => `  revoked again: ${serial}`));
    lines.push(...lost.map((serial) => `  revoked, its certificate unknown here: ${serial}`));
  }
  if (manifest.keys === 'token') lines.push('The keys of the CA are on the token, as they were.');
  else if (!keysOpened)
    lines.push(`Put the passphrase of the CA's keys into ${settings.passphraseFile}, mode 0600: it is in no backup.`);
  lines.push(
    issuers.length === 0
      ? 'The CA waits for its certificate: bring it in with `veritas ca install`.'
      : 'Start the service, or sign the next lists with `veritas crl` for each CA.',
  );
  return lines.join('\n');
}
