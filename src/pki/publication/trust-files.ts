import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority } from '../issuer/authority.js';
import { certificateFileOf } from '../issuer/authority-creation.js';
import { ensurePrivateFolder, replaceFile } from './atomic-file.js';

/** The trust bundle's name in the folder of certificates. */
export const BUNDLE_FILE = 'ca_bundle.pem';

/** Every CA certificate, roots first: what a client takes as its trust bundle. */
export const trustBundle = (authorities: readonly Authority[]): string =>
  authorities
    .toSorted((a, b) => Number(b.role === 'root') - Number(a.role === 'root'))
    .map(({ certificatePem }) => certificatePem)
    .join('');

/** Writes `<id>_ca.pem` of each authority and the bundle of all; gives the paths of those that were not so already. */
export function publishTrustFiles(certsDirectory: string, authorities: readonly Authority[]): string[] {
  ensurePrivateFolder(certsDirectory);
  const files = new Map(
    authorities.map(({ id, certificatePem }) => [certificateFileOf(certsDirectory, id), certificatePem]),
  );
  files.set(join(certsDirectory, BUNDLE_FILE), trustBundle(authorities));
  const changed = [...files].filter(([path, contents]) => readIfThere(path) !== contents);
  for (const [path, contents] of changed) replaceFile(path, contents, 0o644);
  return changed.map(([path]) => path);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
