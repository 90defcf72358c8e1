import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { IssuerRow } from '../../store/index.js';
import { decodeCertificate, decodePem, DecodeError, subjectPublicKeyInfoOf } from '../../x509/index.js';
import { decryptPrivateKey } from '../issuer/encrypted-key.js';
import { keyFileOf } from '../issuer/open-signer.js';
import { readPassphrase, readSecretFile } from '../issuer/secret-file.js';
import { PkiError } from '../pki-error.js';
import type { PkiSettings } from '../pki-settings.js';
import { KEY_FILE, type BackupFile } from './backup-format.js';

/** The rows of the CAs whose key has to be there. */
const withKey = (issuers: readonly IssuerRow[]): readonly IssuerRow[] =>
  issuers.filter(({ key_place: place, state }) => place === 'here' && state !== 'removed');

/** The names of the files of keys, and of requests, in the folder of a CA's keys; none when it is not there. */
export function keyFilesIn({ directory }: PkiSettings): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => KEY_FILE.test(name))
    .sort();
}

/**
 * Every key file of the CA, of removed ones and of those that wait for their certificate too, as it is: encrypted. Throws PkiError `authority_mismatch`
 * when one that belongs to a CA is gone, `key_unreadable` when one is not encrypted, `key_file_exposed`.
 */
export function readKeyFiles(settings: PkiSettings, issuers: readonly IssuerRow[]): BackupFile[] {
  const files = keyFilesIn(settings).map((file) => {
    const path = join(settings.directory, file);
    if (!file.endsWith('.key.pem')) return { file, contents: readFileSync(path, 'utf8') };
    const contents = readSecretFile(path).toString('utf8');
    if (!isEncryptedKey(contents))
      throw new PkiError('key_unreadable', `${path} is not an encrypted PKCS#8 key, and goes into no backup`);
    return { file, contents };
  });
  checkKeyFiles(files, settings, issuers);
  return files;
}

/** Insists that each CA's key file is among `files`, encrypted. Throws PkiError `authority_mismatch`. */
function checkKeyFiles(
  files: readonly BackupFile[],
  settings: PkiSettings,
  issuers: readonly IssuerRow[],
): readonly { readonly issuer: IssuerRow; readonly contents: string }[] {
  return withKey(issuers).map((issuer) => {
    const name = basename(keyFileOf(settings, issuer.id).path);
    const contents = files.find(({ file }) => file === name)?.contents;
    if (contents === undefined || !isEncryptedKey(contents))
      throw new PkiError('authority_mismatch', `the encrypted key of the CA ${issuer.id}, ${name}, is missing`);
    return { issuer, contents };
  });
}

/**
 * Opens the key of each CA with the passphrase that is here, and insists that it belongs to the CA's certificate. False when there is no passphrase
 * here: then a key is looked at when it signs first. Throws PkiError `authority_mismatch` and `key_unreadable`.
 */
export async function checkKeys(
  files: readonly BackupFile[],
  settings: PkiSettings,
  issuers: readonly IssuerRow[],
): Promise<boolean> {
  const keys = checkKeyFiles(files, settings, issuers);
  if (!existsSync(settings.passphraseFile)) return false;
  const passphrase = readPassphrase(settings.passphraseFile);
  try {
    for (const { issuer, contents } of keys) {
      const key = await decryptPrivateKey(Buffer.from(contents), passphrase).catch((error: unknown) => {
        const why = `the passphrase in ${settings.passphraseFile} does not open the key of the CA ${issuer.id} in the backup`;
        throw new PkiError('key_unreadable', why, { cause: error });
      });
      if (Buffer.compare(subjectPublicKeyInfoOf(key).der, decodeCertificate(issuer.der).publicKey.der) !== 0)
        throw new PkiError('authority_mismatch', `the key of the CA ${issuer.id} does not belong to its certificate`);
    }
  } finally {
    passphrase.fill(0);
  }
  return true;
}

function isEncryptedKey(text: string): boolean {
  try {
    const blocks = decodePem(text);
    return blocks.length === 1 && blocks[0]?.label === 'ENCRYPTED PRIVATE KEY';
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}
