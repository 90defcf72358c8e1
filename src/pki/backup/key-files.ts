import type { KeyObject } from 'node:crypto';
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

/** The CAs whose key must be in the key folder: the key is held here and the CA was not removed. */
const withKey = (issuers: readonly IssuerRow[]): readonly IssuerRow[] =>
  issuers.filter(({ key_place: place, state }) => place === 'here' && state !== 'removed');

/** The names of the key and request files in the CA's key folder, sorted; empty when the folder does not exist. */
export function keyFilesIn({ directory }: PkiSettings): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => KEY_FILE.test(name))
    .sort();
}

/** Whether the CA's key folder has this file, with the same contents. */
export const isInPlace = ({ file, contents }: BackupFile, { directory }: PkiSettings): boolean =>
  readFileSync(join(directory, file)).equals(Buffer.from(contents));

/**
 * Reads every key and request file in the key folder unchanged (keys stay encrypted), including those of removed CAs and of CAs that wait for their
 * certificate. Throws PkiError `authority_mismatch` when the key file of a CA is missing, `key_unreadable` when a key file is not encrypted, and
 * `key_file_exposed` when a key file is accessible to anyone but its owner.
 */
export function readKeyFiles(settings: PkiSettings, issuers: readonly IssuerRow[]): BackupFile[] {
  const files = keyFilesIn(settings).map((file) => {
    const path = join(settings.directory, file);
    if (!file.endsWith('.key.pem')) return { file, contents: readFileSync(path, 'utf8') };
    const contents = readSecretFile(path).toString('utf8');
    if (!isEncryptedKey(contents))
      throw new PkiError('key_unreadable', `${path} is not an encrypted PKCS#8 key, and is not backed up`);
    return { file, contents };
  });
  checkKeyFiles(files, settings, issuers);
  return files;
}

/** Checks that `files` holds the encrypted key of every CA whose key is held here. Throws PkiError `authority_mismatch`. */
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
 * Decrypts the key of each CA with the local passphrase file and checks that it matches the CA's certificate. Where there is no CA yet, it decrypts the key
 * that waits for a certificate. Returns false, without decrypting anything, when there is no passphrase file: the keys are then checked when they first sign.
 * Throws PkiError `authority_mismatch` when a key is missing or does not match, and `key_unreadable` when the passphrase does not decrypt it.
 */
export async function checkKeys(
  files: readonly BackupFile[],
  settings: PkiSettings,
  issuers: readonly IssuerRow[],
): Promise<boolean> {
  const keys = checkKeyFiles(files, settings, issuers);
  if (!existsSync(settings.passphraseFile)) return false;
  const passphrase = readPassphrase(settings.passphraseFile);
  const opened = (contents: string, which: string): Promise<KeyObject> =>
    decryptPrivateKey(Buffer.from(contents), passphrase).catch((error: unknown) => {
      const why = `the passphrase in ${settings.passphraseFile} does not open the key ${which} in the backup`;
      throw new PkiError('key_unreadable', why, { cause: error });
    });
  try {
    if (issuers.length === 0)
      for (const { file, contents } of files) if (file.endsWith('.key.pem')) await opened(contents, file);
    for (const { issuer, contents } of keys) {
      const key = await opened(contents, `of the CA ${issuer.id}`);
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
