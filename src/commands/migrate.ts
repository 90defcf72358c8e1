import { migrateStore, migrationStatus } from '../store/index.js';
import { describeTable } from './output.js';
import { checkStoreExists, configurationOf, type Session } from './session.js';

/** The flags of `veritas migrate`. */
export interface MigrateOptions {
  /** Only show which migrations are applied and which are to come. */
  readonly status?: boolean;
}

/** `veritas migrate`: brings the schema of the store up to this version: only forward, and all or nothing. Having nothing to do is a success. */
export async function migrate(session: Session, { status = false }: MigrateOptions): Promise<void> {
  const { store } = configurationOf(session);
  if (status) {
    checkStoreExists(store);
    const { applied, pending } = await migrationStatus(store);
    const done = applied.map(({ name, appliedAt }) => ({ name, applied_at: new Date(appliedAt).toISOString() }));
    const rows = [...done.map((row) => [row.name, row.applied_at]), ...pending.map((name) => [name, 'pending'])];
    session.output.result({ applied: done, pending }, describeTable(['MIGRATION', 'APPLIED'], rows));
    return;
  }
  const applied = await migrateStore(store);
  session.output.result(
    { applied },
    applied.length === 0 ? 'Nothing to do.' : applied.map((name) => `applied  ${name}`).join('\n'),
  );
}
