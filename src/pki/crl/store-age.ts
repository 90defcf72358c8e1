import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastCrlHeader, lastCrlNumber, type Store } from '../../store/index.js';
import { decodeCertificateList, isSignedBy, sameName } from '../../x509/index.js';
import type { Authority } from '../issuer/authority.js';
import { PkiError } from '../pki-error.js';
import { COMPLETE, crlFileName } from './crl-scope.js';
import { listWithoutEntries } from './list-without-entries.js';

/**
 * Checks that no list in `folder` has a number that the store has not given out: a copy of the store from before it was signed, or one without its
 * write-ahead log, would call good again what the list revokes, and use its number twice. What is not a list of `authority` says nothing. Throws PkiError
 * `authority_mismatch`.
 */
export async function checkStoreIsCurrent(
  store: Store,
  { id, certificate }: Pick<Authority, 'id' | 'certificate'>,
  folder: string,
): Promise<void> {
  const lists = [join(folder, crlFileName(id, COMPLETE)), ...filesIn(join(folder, id))].flatMap((path) => {
    const list = attempt(() => listWithoutEntries(path));
    return list && sameName(certificate.subject, list.issuer)
      ? [{ path, number: Number(list.extensions.crlNumber ?? 0n) }]
      : [];
  });
  if (lists.length === 0) return;
  // The store is read last, and once: another process may be signing, and takes the number before it writes the file.
  const known = await lastNumber(store, id);
  const newer = lists.find(
    ({ path, number }) =>
      number > known && attempt(() => isSignedBy(decodeCertificateList(readFileSync(path)), certificate.publicKey)),
  );
  if (newer)
    throw new PkiError(
      'authority_mismatch',
      `the store ${store.name} is older than the list ${newer.number} of ${id} in ${newer.path}, as it knows none above ${known}: bring the newest store with its -wal, restore a backup, or move that file away to forget what was revoked since`,
    );
}

/** A list of a root that is kept elsewhere took no number here. */
const lastNumber = async ({ database }: Store, issuer: string): Promise<number> =>
  Math.max(
    await lastCrlNumber(database, issuer),
    (await lastCrlHeader(database, { issuer, scope: COMPLETE }))?.number ?? 0,
  );

const filesIn = (folder: string): string[] =>
  (attempt(() => readdirSync(folder)) ?? []).flatMap((name) => (name.endsWith('.crl') ? [join(folder, name)] : []));

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
