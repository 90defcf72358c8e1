import { setImmediate } from 'node:timers/promises';
import { backUp, encryptForAge, type AgeRecipient } from '../pki/index.js';
import { migrationStatus, openStore } from '../store/index.js';
import { ageKeyFrom, withAgeKey } from './age-key.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { checkOutputFile, statsOf } from './files.js';
import { PendingFile } from './pending-file.js';
import { checkStoreExists, configurationOf, pkiSettingsOf, requester, type Session } from './session.js';

/** The flags of `veritas backup`. */
export interface BackupOptions {
  readonly out: string;
  readonly recipient?: string;
  readonly passphraseFile?: string;
}

/** `veritas backup`: writes the store, as it is at one moment, and the CA's encrypted keys into an age file, which is there whole or not at all. */
export async function backup(session: Session, { out, recipient, passphraseFile }: BackupOptions): Promise<void> {
  const { output, now } = session;
  const key = recipient === undefined ? undefined : { recipient };
  const to: AgeRecipient = ageKeyFrom(passphraseFile, { flag: '--recipient', key });
  const configuration = configurationOf(session);
  checkOutputFile(out, configuration);
  if (statsOf(out)) throw new CommandError(`${out} exists already`, ExitCode.refused, 'give the backup another name');
  checkStoreExists(configuration.store);
  await checkIsCurrent(configuration.store);
  const store = await openStore(configuration.store);
  const bar = output.progressBar('Rows');
  try {
    const onProgress = (rows: number, of: number): void => bar.update(rows, of);
    const settings = pkiSettingsOf(configuration);
    const source = { store, settings, requester: requester(), now, onProgress };
    const manifest = await withAgeKey(ExitCode.usage, () =>
      backUp(source, async ({ octets }) => {
        const encrypted = await encryptForAge(octets, to);
        const file = new PendingFile(out, 0o600);
        try {
          for await (const piece of encrypted) {
            file.write(piece);
            // Neither SQLite nor the file pauses otherwise, and a signal would not be noticed.
            await setImmediate();
          }
          file.placeAnew();
        } finally {
          file.discard();
        }
      }),
    );
    bar.end();
    const { created_at: createdAt, crl_numbers: numbers, audit_head: head, tables } = manifest;
    const certificates = tables.find(({ name }) => name === 'certificate')?.rows ?? 0;
    output.result(
      { file: out, created_at: createdAt, certificates, crl_numbers: numbers, audit_head: head },
      `${certificates} certificates as of ${createdAt}, the audit record up to row ${head.sequence}: ${out}`,
    );
  } finally {
    bar.end();
    await store.close();
  }
}

/** Opening the store would migrate it: a backup has to be made before that, and not to cause it. */
async function checkIsCurrent(store: Parameters<typeof migrationStatus>[0]): Promise<void> {
  if ((await migrationStatus(store)).pending.length > 0)
    throw new CommandError(
      'the store is of an earlier version',
      ExitCode.unusable,
      'back it up with that version, or run `veritas migrate` first',
    );
}
