import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Configuration } from '../configuration/index.js';
import { TlsSetupError } from '../tls/index.js';

/** What `veritas setup` makes for the listener, by the setting that says where it is looked for. */
const MADE = { certificateFile: 'server_cert.pem', keyFile: 'server_key.pem', caFile: 'ca_bundle.pem' } as const;

/**
 * Insists that files of the listener that are not there are those that `veritas setup` makes, in the folder above `pki.directory`: making these again is no mend
 * for others. Throws TlsSetupError that names every setting to change.
 */
export function checkMaterialPlaces(tls: Configuration['tls'], certsDirectory: string): void {
  const settings = (['certificateFile', 'keyFile', 'caFile'] as const).filter(
    (setting) => resolve(tls[setting]) !== resolve(certsDirectory, MADE[setting]) && isGone(tls[setting]),
  );
  const [first] = settings;
  if (!first) return;
  const changes = settings.map((setting) => `tls.${setting} to ${join(certsDirectory, MADE[setting])}`);
  throw new TlsSetupError(
    `tls.${first}: ${tls[first]} is not there, and is not what \`veritas setup\` makes by pki.directory: set ${changes.join(', ')}, or name your own.`,
  );
}

function isGone(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    // Whoever reads it says why it cannot be looked at.
    return false;
  }
}
