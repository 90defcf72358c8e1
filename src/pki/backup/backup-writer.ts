import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { AuditLog } from '../../audit/index.js';
import {
  auditHead,
  checkSound,
  countRows,
  lastCrlHeader,
  listIssuers,
  SCHEMA,
  tablePages,
  tableShapes,
  type Database,
  type Store,
} from '../../store/index.js';
import { COMPLETE } from '../crl/crl-scope.js';
import { requestFileOf } from '../issuer/authority-creation.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings, Requester } from '../pki-settings.js';
import { BACKUP_FORMAT, encodeRow, type BackupManifest } from './backup-format.js';
import { readKeyFiles } from './key-files.js';

/** The input of {@link backUp}. */
export interface BackupSource {
  readonly store: Store;
  readonly settings: PkiSettings;
  readonly requester: Requester;
  readonly now: () => Date;
  /** Called after each page of rows with the number of rows read and the total number of rows. */
  readonly onProgress?: ((rows: number, of: number) => void) | undefined;
}

/** A backup that is being written. */
export interface BackupInProgress {
  readonly manifest: BackupManifest;
  /** The whole backup in plain text, to be encrypted by the receiver, in pieces of a few hundred rows. */
  readonly octets: AsyncGenerator<Buffer>;
}

/**
 * Backs up a snapshot of the store, unaffected by concurrent writes, and the encrypted keys of the CA. `write` stores the octets and reads them at
 * its own pace. An audit entry is written before and after. Throws PkiError `authority_missing` when there is no CA, and none that waits for its
 * certificate, what {@link readKeyFiles} throws, what `write` throws, and what the store throws.
 */
export async function backUp(
  source: BackupSource,
  write: (backup: BackupInProgress) => Promise<void>,
): Promise<BackupManifest> {
  const { store, now, requester } = source;
  const audit = new AuditLog(store, now);
  const { actor, requestId } = requester;
  const entry = { action: 'backup', actor, requestId, subject: 'store' };
  await audit.append({ ...entry, phase: 'intent' });
  const manifest = await store.snapshot(async (database) => {
    await checkSound(database, store.name);
    const made = await manifestOf(database, source);
    await write({ manifest: made, octets: octetsOf(database, made, source) });
    return made;
  });
  const { sequence, hash } = manifest.audit_head;
  await audit.append({ ...entry, phase: 'result', detail: { audit_sequence: String(sequence), audit_hash: hash } });
  return manifest;
}

async function manifestOf(database: Database, { store, settings, now }: BackupSource): Promise<BackupManifest> {
  const [issuers, head] = [await listIssuers(database), await auditHead(database)];
  // A CA whose certificate is still to be signed elsewhere has a key, and no row. Keys without a request are those of a CA in another store.
  const isWaiting = !settings.pkcs11 && existsSync(requestFileOf(settings));
  if (!head || (issuers.length === 0 && !isWaiting))
    throw new PkiError('authority_missing', `there is no CA in the store ${store.name} to back up`);
  const numbers: [string, number][] = [];
  for (const { id } of issuers) {
    const last = await lastCrlHeader(database, { issuer: id, scope: COMPLETE });
    if (last) numbers.push([id, last.number]);
  }
  const tables = [];
  for (const shape of await tableShapes(database)) tables.push({ ...shape, rows: await countRows(database, shape) });
  return {
    veritas_backup: BACKUP_FORMAT,
    schema: SCHEMA,
    created_at: now().toISOString(),
    keys: settings.pkcs11 ? 'token' : 'files',
    crl_numbers: Object.fromEntries(numbers),
    audit_head: { sequence: head.sequence, hash: head.hash },
    tables,
  };
}

async function* octetsOf(
  database: Database,
  manifest: BackupManifest,
  { settings, onProgress }: BackupSource,
): AsyncGenerator<Buffer> {
  const digest = createHash('sha256');
  let lines = 0;
  const counted = (text: readonly string[]): Buffer => {
    const octets = Buffer.from(text.join(''));
    digest.update(octets);
    lines += text.length;
    return octets;
  };
  yield counted([`${JSON.stringify(manifest)}\n`]);
  const files = manifest.keys === 'token' ? [] : readKeyFiles(settings, await listIssuers(database));
  yield counted(files.map((file) => `${JSON.stringify(file)}\n`));
  const of = manifest.tables.reduce((sum, { rows }) => sum + rows, 0);
  let written = 0;
  for (const table of manifest.tables)
    for await (const rows of tablePages(database, table)) {
      yield counted(rows.map((row) => encodeRow(table, row)));
      written += rows.length;
      onProgress?.(written, of);
    }
  yield Buffer.from(`${JSON.stringify({ end: { lines, sha256: digest.digest('hex') } })}\n`);
}
