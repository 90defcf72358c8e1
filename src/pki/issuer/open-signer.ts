import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { subjectPublicKeyInfoOf, type SubjectPublicKeyInfo } from '../../x509/index.js';
import type { PkiSettings } from '../pki-settings.js';
import { ensureKeyFile, FileSigner, openKeyFile, type KeyFile } from './file-signer.js';
import { ensureTokenSigner, hasTokenKey, labelOf, Pkcs11Signer } from './pkcs11-signer.js';
import { RecordedSigner, type KeyRecord } from './recorded-signer.js';
import { checkSecretFile, ensurePassphrase, hasSecretFile } from './secret-file.js';
import type { Signer } from './signer.js';

/** The key file of an issuer, and the file with its passphrase. */
export const keyFileOf = ({ directory, passphraseFile }: PkiSettings, id: string): KeyFile => ({
  path: join(directory, `${id}_ca.key.pem`),
  passphraseFile,
});

/** The names of the key files of CAs. */
const CA_KEY = /^(?:root|issuing)(?:-\d+)?_ca\.key\.pem$/;

/** Where the key of an issuer is, as text for messages: the path of its file, or its label and the token. */
export const keyPlaceOf = (settings: PkiSettings, id: string): string =>
  settings.pkcs11
    ? `${labelOf(settings.pkcs11, id)} on the token ${JSON.stringify(settings.pkcs11.token)}`
    : keyFileOf(settings, id).path;

/** Whether the key of an issuer exists, in its file or on the token. Throws PkiError when that cannot be determined. */
export async function hasKey(settings: PkiSettings, id: string): Promise<boolean> {
  return settings.pkcs11 ? hasTokenKey(settings.pkcs11, id) : hasSecretFile(keyFileOf(settings, id).path);
}

/**
 * Returns the signer of an issuer whose certificate has the key `publicKey`. The private key is opened at the first signature, with an audit row before and
 * after. For a key in a file, the permissions of the file and of the passphrase file are checked now. Throws PkiError `key_file_exposed` when others have
 * access to one of them, and `key_unreadable` when this process may not read one of them.
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
 * Prepares the passphrase for a new key. When there is no key yet, a passphrase is created unless there is one. Otherwise an existing key is decrypted with
 * the passphrase, because all keys have to have the same one. Throws PkiError `key_unreadable` when the passphrase does not decrypt it.
 */
async function checkPassphrase({ directory, passphraseFile }: PkiSettings): Promise<void> {
  const known = existsSync(directory) ? readdirSync(directory).find((name) => CA_KEY.test(name)) : undefined;
  if (known === undefined) ensurePassphrase(passphraseFile);
  else await openKeyFile({ path: join(directory, known), passphraseFile });
}

/**
 * Returns the signer of an issuer that has no certificate yet, with its key open. The key is created if it does not exist; an existing key is never
 * overwritten. Creating or opening it is recorded in the audit log. Throws PkiError.
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
