import { join } from 'node:path';
import type { Authority } from '../issuer/authority.js';
import { certificateFileOf } from '../issuer/authority-creation.js';
import { ensurePrivateFolder, replaceFileIfChanged } from './atomic-file.js';

/** The trust bundle's name in the folder of certificates. */
const BUNDLE_FILE = 'ca_bundle.pem';

/** Every CA certificate, roots first: what a client takes as its trust bundle. */
export const trustBundle = (authorities: readonly Authority[]): string =>
  authorities
    .toSorted((a, b) => Number(b.role === 'root') - Number(a.role === 'root'))
    .map(({ certificatePem }) => certificatePem)
    .join('');

/** The public files by their paths: `<id>_ca.pem` of each authority, and the bundle of all. */
export const trustFilesOf = (certsDirectory: string, authorities: readonly Authority[]): ReadonlyMap<string, string> =>
  new Map([
    ...authorities.map(({ id, certificatePem }) => [certificateFileOf(certsDirectory, id), certificatePem] as const),
    [join(certsDirectory, BUNDLE_FILE), trustBundle(authorities)],
  ]);

/** Writes the files that do not stand so already, and gives their paths. */
export function publishTrustFiles(certsDirectory: string, files: ReadonlyMap<string, string>): string[] {
  ensurePrivateFolder(certsDirectory);
  return [...files].filter(([path, pem]) => replaceFileIfChanged(path, pem, 0o644)).map(([path]) => path);
}
