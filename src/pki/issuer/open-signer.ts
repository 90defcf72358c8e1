import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { subjectPublicKeyInfoOf, type SubjectPublicKeyInfo } from '../../x509/index.js';
import type { PkiSettings } from '../pki-settings.js';
import { ensureKeyFile, FileSigner, openKeyFile, type KeyFile } from './file-signer.js';
import { ensureTokenSigner, hasTokenKey, labelOf, Pkcs11Signer } from './pkcs11-signer.js';
import { RecordedSigner, type KeyRecord } from './recorded-signer.js';
import { checkSecretFile, ensurePassphrase, hasSecretFile } from './secret-file.js';
import type { Signer } from './signer.js';

/** Where the key of an issuer is kept. */
export const keyFileOf = ({ directory, passphraseFile }: PkiSettings, id: string): KeyFile => ({
  path: join(directory, `${id}_ca.key.pem`),
  passphraseFile,
});

/** The name of the key file of a CA. */
const CA_KEY = /^(?:root|issuing)(?:-\d+)?_ca\.key\.pem$/;

/** Says in a message where the key of an issuer is. */
export const keyPlaceOf = (settings: PkiSettings, id: string): string =>
  settings.pkcs11
    ? `${labelOf(settings.pkcs11, id)} on the token ${JSON.stringify(settings.pkcs11.token)}`
    : keyFileOf(settings, id).path;

/** Whether there is a key of this issuer. Throws PkiError when that cannot be known. */
export async function hasKey(settings: PkiSettings, id: string): Promise<boolean> {
  return settings.pkcs11 ? hasTokenKey(settings.pkcs11, id) : hasSecretFile(keyFileOf(settings, id).path);
}

/**
 * The signer of an issuer whose certificate has `publicKey`. The key is opened at the first signature, which is recorded; what guards it is looked at now.
 * Throws PkiError `key_file_exposed` or `key_unreadable`.
 */
export function openSigner(
  settings: PkiSettings,
  id: string,
  publicKey: SubjectPublicKeyInfo,
  record: KeyRecord,
): Signer {
  const place = keyPlaceOf(settings, id);
  return new RecordedSigner(signerOf(settings, id, publicKey), (open) =>
    record.around('key.open', { id, place }, open),
  );
}

function signerOf(settings: PkiSettings, id: string, publicKey: SubjectPublicKeyInfo): Signer {
  if (settings.pkcs11) return new Pkcs11Signer(settings.pkcs11, id, publicKey);
  const file = keyFileOf(settings, id);
  checkSecretFile(file.path, 'pki.directory');
  checkSecretFile(file.passphraseFile, 'pki.passphraseFile');
  return new FileSigner(file, publicKey);
}

/**
 * Makes a passphrase when there is no key yet. Otherwise it opens one of the keys with the passphrase that is there, because a key that is made under another
 * passphrase could not be opened together with the rest. Throws PkiError `key_unreadable`.
 */
async function checkPassphrase({ directory, passphraseFile }: PkiSettings): Promise<void> {
  const known = existsSync(directory) ? readdirSync(directory).find((name) => CA_KEY.test(name)) : undefined;
  if (known === undefined) ensurePassphrase(passphraseFile);
  else await openKeyFile({ path: join(directory, known), passphraseFile });
}

/**
 * The signer of an issuer that has no certificate yet, with its key opened. The key is made first when it is absent, and never overwritten; either is
 * recorded. Throws PkiError.
 */
export async function ensureSigner(settings: PkiSettings, id: string, record: KeyRecord): Promise<Signer> {
  const place = keyPlaceOf(settings, id);
  const action = (await hasKey(settings, id)) ? 'key.open' : 'key.create';
  return record.around(action, { id, place }, async () => {
    if (settings.pkcs11) return ensureTokenSigner(settings.pkcs11, id);
    const file = keyFileOf(settings, id);
    if (action === 'key.create') await checkPassphrase(settings);
    const key = await ensureKeyFile(file, settings.keyType ?? 'P-256');
    return new FileSigner(file, subjectPublicKeyInfoOf(key), key);
  });
}
