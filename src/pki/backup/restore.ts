import { AuditLog } from '../../audit/index.js';
import {
  auditHead,
  endEnrollmentTokens,
  hasRows,
  insertRows,
  lastCrlNumber,
  listAudit,
  listIssuers,
  migrateWithin,
  migrationsThrough,
  StoreError,
  tableShapes,
  type IssuerRow,
  type Store,
  type Transaction,
} from '../../store/index.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings, Requester } from '../pki-settings.js';
import {
  unreadable,
  type BackupFile,
  type BackupManifest,
  type BackupRows,
  type BackupTable,
} from './backup-format.js';
import type { BackupReader } from './backup-reader.js';
import {
  compareCrl,
  isBehind,
  jumpAhead,
  lacksDelta,
  reapply,
  refuseToUnrevoke,
  type CrlComparison,
} from './crl-comparison.js';
import { checkKeys, isInPlace, keyFilesIn } from './key-files.js';
import { provenLists, type PublishedList } from './published-crl.js';

/** The input of {@link restore}. */
export interface RestoreOptions {
  /** An empty store, opened without migrating it. */
  readonly store: Store;
  readonly settings: PkiSettings;
  readonly published: readonly PublishedList[];
  /** Whether to revoke again the certificates that the published lists revoke and the backup does not. */
  readonly apply: boolean;
  /** Accept that `published` holds no list of some CAs. Their CRL numbers then jump ahead, because there is nothing to compare with. */
  readonly withoutCrl: boolean;
  readonly requester: Requester;
  readonly now: () => Date;
  /**
   * Prepares the key files to be moved into place. Called last, before the transaction on the store commits: when it throws, the restore throws the
   * same and nothing is changed.
   */
  readonly prepare: (files: readonly BackupFile[]) => void;
  readonly onProgress?: ((rows: number, of: number) => void) | undefined;
}

/** What a restore did for one CA. */
export interface RestoredIssuer {
  readonly id: string;
  /** The published list that the backup was compared with. Undefined when there was none: then the CRL number jumped ahead. */
  readonly comparedWith: { readonly source: string; readonly number: number } | undefined;
  /** The highest CRL number in use: the next list gets a higher one. */
  readonly crlNumber: number;
  /** Serial numbers that were revoked again because a published list revokes them and the backup has their certificate as valid or on hold. */
  readonly revoked: readonly string[];
  /** Serial numbers that a published list revokes and of which the backup has no certificate. */
  readonly lost: readonly string[];
}

/**
 * The result of {@link restore}. `already` is true when an earlier restore of this backup had filled the store and ended before the key files were in
 * place.
 */
export interface Restored {
  readonly manifest: BackupManifest;
  readonly issuers: readonly RestoredIssuer[];
  readonly rows: number;
  /** Whether the keys were decrypted and match their certificates. False when there is no passphrase here or the keys are on a token. */
  readonly keysOpened: boolean;
  readonly already: boolean;
}

/**
 * Restores a backup into an empty store. In one transaction it inserts all rows, verifies the audit record and compares the result with the published
 * revocation lists; on any failure nothing is changed. Throws PkiError `place_not_empty`, `backup_unreadable`, `backup_too_new`,
 * `authority_mismatch`, `key_unreadable`, `published_crl_missing`, `published_crl_not_accepted`, `would_unrevoke`, and what the store throws.
 */
export function restore(reader: BackupReader, options: RestoreOptions): Promise<Restored> {
  const { store, settings } = options;
  const { manifest } = reader;
  const migrations = migrationsThrough(manifest.schema);
  if (migrations === undefined)
    throw new PkiError(
      'backup_too_new',
      `the backup is of the schema ${manifest.schema}, which this version does not know`,
    );
  return store.transaction(async (transaction) => {
    if (await hasRows(transaction, await tableShapes(transaction))) {
      await checkContinues(transaction, manifest, options);
      const { files } = await read(reader, () => Promise.resolve());
      options.prepare(filesToPlace(files, options));
      return { manifest, issuers: [], rows: 0, keysOpened: false, already: true };
    }
    const there = keyFilesIn(settings);
    if (there.length > 0)
      throw new PkiError('place_not_empty', `${settings.directory} holds keys of a CA already: ${there.join(', ')}`);
    await migrateWithin(transaction, store.name, migrations);
    await checkTables(transaction, manifest, store.name);
    const { files, rows } = await read(reader, (table, values) => insert(transaction, table, values), options);
    await migrateWithin(transaction, store.name);
    const audit = new AuditLog(store, options.now);
    await checkRecord(transaction, audit, manifest);
    const issuers = await listIssuers(transaction);
    const keysOpened = manifest.keys === 'files' && (await checkKeys(files, settings, issuers));
    const compared = await compare(transaction, issuers, options);
    const restored = await finish(transaction, compared, { audit, manifest, options });
    options.prepare(files);
    return { manifest, issuers: restored, rows, keysOpened, already: false };
  });
}

/** Accepts a store that is not empty only if an earlier restore of the same backup filled it. Throws PkiError `place_not_empty`. */
async function checkContinues(
  transaction: Transaction,
  { audit_head: head }: BackupManifest,
  { store }: RestoreOptions,
): Promise<void> {
  const next = (await auditHead(transaction)) && (await listAudit(transaction, head.sequence, 1))[0];
  const isOurs = next?.action === 'restore' && next.previous_hash === head.hash;
  if (!isOurs) throw new PkiError('place_not_empty', `the store ${store.name} is not empty`);
}

/**
 * The key files that an earlier restore, which filled the store, did not come to. Throws PkiError `place_not_empty` when it came to all of them, and when
 * a key file is there that the backup has not, or has otherwise.
 */
function filesToPlace(files: readonly BackupFile[], { settings }: RestoreOptions): readonly BackupFile[] {
  const there = keyFilesIn(settings);
  const placed = files.filter(({ file }) => there.includes(file));
  const others = there.filter((name) => !placed.some((file) => file.file === name && isInPlace(file, settings)));
  if (others.length > 0)
    throw new PkiError(
      'place_not_empty',
      `${settings.directory} holds keys that the backup has not: ${others.join(', ')}`,
    );
  if (placed.length > 0 && placed.length === files.length)
    throw new PkiError(
      'place_not_empty',
      'the store and the keys were restored from this backup before, and nothing is missing; to restore once more',
    );
  return files.filter((file) => !placed.includes(file));
}

/** Rows would be lost if the tables or columns differed from those of the backup. */
async function checkTables(transaction: Transaction, { tables, schema }: BackupManifest, store: string): Promise<void> {
  const say = (shapes: readonly { readonly name: string; readonly columns: readonly string[] }[]): string =>
    shapes
      .map(({ name, columns }) => `${name} (${columns.toSorted().join()})`)
      .toSorted()
      .join();
  if (say(await tableShapes(transaction)) !== say(tables))
    throw new PkiError(
      'place_not_empty',
      `the store ${store} is empty, but not of the schema ${schema} that the backup has`,
    );
}

async function read(
  reader: BackupReader,
  insert: (table: BackupTable, rows: BackupRows) => Promise<void>,
  { onProgress }: Pick<RestoreOptions, 'onProgress'> = {},
): Promise<{ readonly files: readonly BackupFile[]; readonly rows: number }> {
  const of = reader.manifest.tables.reduce((sum, { rows }) => sum + rows, 0);
  const files: BackupFile[] = [];
  let rows = 0;
  for await (const part of reader.parts()) {
    if (part.kind === 'file') files.push({ file: part.file, contents: part.contents });
    else {
      await insert(part.table, part.rows);
      rows += part.rows.length;
      onProgress?.(rows, of);
    }
  }
  return { files, rows };
}

async function insert(transaction: Transaction, table: BackupTable, rows: BackupRows): Promise<void> {
  try {
    await insertRows(transaction, table, rows);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    unreadable(`the table ${table.name} does not take its rows`, error);
  }
}

async function checkRecord(
  transaction: Transaction,
  audit: AuditLog,
  { audit_head: head }: BackupManifest,
): Promise<void> {
  const verdict = await audit.verify({ database: transaction });
  if (!verdict.ok) unreadable(`row ${verdict.sequence} of its audit record is ${verdict.problem}`);
  const end = await auditHead(transaction);
  if (end?.sequence !== head.sequence || end.hash !== head.hash)
    unreadable('its audit record does not end where its manifest says');
}

/**
 * Compares every CA with its published lists. A CA whose key is here may have signed lists since the backup, so it needs a published list even if the
 * backup has none of it, and a delta where that list names one. The lists of a CA whose key is elsewhere are imported, so it needs one only if the backup has one.
 */
async function compare(
  transaction: Transaction,
  issuers: readonly IssuerRow[],
  { published, apply, withoutCrl }: RestoreOptions,
): Promise<CrlComparison[]> {
  const lists = provenLists(published, issuers);
  const compared: CrlComparison[] = [];
  for (const issuer of issuers) compared.push(await compareCrl(transaction, issuer, lists.get(issuer.id)));
  const missing = compared.filter(
    ({ published: list, issuer, known }) => !list && (issuer.key_place === 'here' || known > 0),
  );
  const named = [
    ...missing.map(({ issuer }) => issuer.id),
    ...compared.filter(lacksDelta).map(({ issuer }) => `${issuer.id} (its delta)`),
  ];
  if (named.length > 0 && !withoutCrl)
    throw new PkiError(
      'published_crl_missing',
      `there is no published revocation list of ${named.join(', ')} to compare the backup with`,
    );
  const behind = compared.filter(isBehind);
  if (behind.length > 0 && !apply) refuseToUnrevoke(behind);
  return compared.filter((each) => each.published ?? missing.includes(each));
}

async function finish(
  transaction: Transaction,
  compared: readonly CrlComparison[],
  {
    audit,
    manifest,
    options: { requester, now },
  }: { readonly audit: AuditLog; readonly manifest: BackupManifest; readonly options: RestoreOptions },
): Promise<RestoredIssuer[]> {
  const { actor, requestId } = requester;
  const { sequence, hash } = manifest.audit_head;
  const entry = { action: 'restore', actor, requestId, subject: 'store' };
  const backup = { created_at: manifest.created_at, audit_sequence: String(sequence), audit_hash: hash };
  await audit.append({ ...entry, phase: 'intent', detail: backup }, transaction);
  const restored: RestoredIssuer[] = [];
  for (const comparison of compared) {
    const { issuer, published, unrevoked, lost } = comparison;
    if (published) await reapply(transaction, comparison, { audit, requester });
    else await jumpAhead(transaction, comparison, { since: new Date(manifest.created_at), now: now() });
    restored.push({
      id: issuer.id,
      comparedWith: published && { source: published.complete.source, number: published.number },
      crlNumber: await lastCrlNumber(transaction, issuer.id),
      revoked: unrevoked.map(({ serialNumber }) => serialNumber),
      lost: lost.map(({ serialNumber }) => serialNumber),
    });
  }
  // A token may have been traded after the backup was made. Tokens are good once, so all of them end.
  await endEnrollmentTokens(transaction);
  const numbers = restored.map(({ id, crlNumber, comparedWith }): [string, string] => [
    `crl_${id}`,
    `${crlNumber} ${comparedWith ? 'published' : 'without a list'}`,
  ]);
  await audit.append({ ...entry, phase: 'result', detail: { ...backup, ...Object.fromEntries(numbers) } }, transaction);
  return restored;
}
