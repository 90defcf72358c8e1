import { join } from 'node:path';
import { encodePem } from '../../x509/index.js';
import { isTrusted, type Authority } from '../issuer/authority.js';
import { certificateFileOf } from '../issuer/authority-creation.js';
import { ensurePrivateFolder, replaceFileIfChanged } from './atomic-file.js';

/** The trust bundle's name in the folder of certificates. */
const BUNDLE_FILE = 'ca_bundle.pem';
const CROSS_FILE = 'cross_ca.pem';

/** Every CA certificate that is trusted now, in the order of `authorities`, roots first: what a client takes as its trust bundle. */
export const trustBundle = (authorities: readonly Authority[]): string =>
  authorities
    .filter(isTrusted)
    .map(({ certificatePem }) => certificatePem)
    .join('');

/** The cross-certificates that are good now: for who trusts one root only, beside the issuing CAs. Empty while there is one root. */
export const crossCertificates = (authorities: readonly Authority[]): string =>
  authorities
    .flatMap((authority) => authority.crossCertificates.map(({ der }) => encodePem('CERTIFICATE', der)))
    .join('');

/** The public files by their paths: `<id>_ca.pem` of each authority that was published, the bundle, and `cross_ca.pem` where there are any. */
export const trustFilesOf = (certsDirectory: string, authorities: readonly Authority[]): ReadonlyMap<string, string> =>
  new Map([
    ...authorities
      .filter(isTrusted)
      .map(({ id, certificatePem }) => [certificateFileOf(certsDirectory, id), certificatePem] as const),
    [join(certsDirectory, BUNDLE_FILE), trustBundle(authorities)] as const,
    ...[crossCertificates(authorities)]
      .filter((pem) => pem !== '')
      .map((pem) => [join(certsDirectory, CROSS_FILE), pem] as const),
  ]);

/** Writes the files that do not stand so already, and gives their paths. */
export function publishTrustFiles(certsDirectory: string, files: ReadonlyMap<string, string>): string[] {
  ensurePrivateFolder(certsDirectory);
  return [...files].filter(([path, pem]) => replaceFileIfChanged(path, pem, 0o644)).map(([path]) => path);
}
