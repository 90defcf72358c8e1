import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  sameKey,
  signAside,
  signingSchemeFor,
  subjectPublicKeyInfoOf,
  type AlgorithmIdentifier,
  type SubjectPublicKeyInfo,
} from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import { createPrivateFile, ensurePrivateFolder } from '../publication/atomic-file.js';
import { decryptPrivateKey, encryptPrivateKey } from './encrypted-key.js';
import { newPrivateKey, type AuthorityKeyType } from './new-key.js';
import { withPassphrase } from './passphrase.js';
import { readSecretFile } from './secret-file.js';
import type { LargeOctets, Signer } from './signer.js';

/** The file of an encrypted PKCS#8 key, and the file with its passphrase. */
export interface KeyFile {
  readonly path: string;
  readonly passphraseFile: string;
}

/** A signer whose key is in an encrypted file. The key is decrypted at the first signature, because the key derivation is slow and many commands sign nothing. */
export class FileSigner implements Signer {
  readonly publicKey: SubjectPublicKeyInfo;
  readonly algorithm: AlgorithmIdentifier;
  readonly #file: KeyFile;
  readonly #scheme: ReturnType<typeof signingSchemeFor>;
  #key: KeyObject | undefined;

  /**
   * `publicKey` is the public key in the issuer's certificate; a private key that does not match it is refused. `opened` is the private key if the caller has
   * decrypted it already; then this throws PkiError `authority_mismatch` when it does not match.
   */
  constructor(file: KeyFile, publicKey: SubjectPublicKeyInfo, opened?: KeyObject) {
    this.#file = file;
    this.publicKey = publicKey;
    this.#scheme = signingSchemeFor(publicKey.keyObject);
    this.algorithm = this.#scheme.algorithm;
    if (opened) this.#key = this.#checked(opened);
  }

  /** Decrypts the key unless that was done before. Throws what {@link sign} throws. */
  async open(): Promise<void> {
    await this.#opened();
  }

  /**
   * Signs octets. Throws PkiError `key_unreadable` when the key cannot be read or decrypted, `key_file_exposed` when others have access to the file, and
   * `authority_mismatch` when the key does not belong to the CA's certificate.
   */
  async sign(octets: Uint8Array): Promise<Uint8Array> {
    return signAside(this.#scheme, await this.#opened(), octets);
  }

  /** Signs a large list. Throws what {@link sign} throws. */
  async signLarge(octets: LargeOctets): Promise<Uint8Array> {
    return octets.sign(this.#scheme, await this.#opened());
  }

  async #opened(): Promise<KeyObject> {
    return (this.#key ??= this.#checked(await openKeyFile(this.#file)));
  }

  #checked(key: KeyObject): KeyObject {
    if (!sameKey(subjectPublicKeyInfoOf(key), this.publicKey))
      throw new PkiError('authority_mismatch', `the key in ${this.#file.path} does not belong to the CA's certificate`);
    return key;
  }
}

/**
 * Reads and decrypts an encrypted PKCS#8 key. Throws PkiError `key_unreadable` when the file holds no such key or the passphrase does not decrypt it, and
 * `key_file_exposed` when others have access to the key or its passphrase.
 */
export async function openKeyFile({ path, passphraseFile }: KeyFile): Promise<KeyObject> {
  const pem = readSecretFile(path);
  try {
    return await withPassphrase(passphraseFile, async (passphrase) => {
      try {
        return await decryptPrivateKey(pem, passphrase);
      } catch (error) {
        throw new PkiError(
          'key_unreadable',
          `${path} is not an encrypted PKCS#8 key, or the passphrase in ${passphraseFile} does not open it`,
          { cause: error },
        );
      }
    });
  } finally {
    pem.fill(0);
  }
}

/** Returns the key in a file. If the file does not exist, a new key of this type is written to it first; an existing file is never overwritten. Throws PkiError. */
export async function ensureKeyFile(file: KeyFile, type: AuthorityKeyType): Promise<KeyObject> {
  if (!existsSync(file.path))
    await withPassphrase(file.passphraseFile, async (passphrase) => {
      const privateKey = await newPrivateKey(type);
      ensurePrivateFolder(dirname(file.path));
      createPrivateFile(file.path, await encryptPrivateKey(privateKey, passphrase));
    });
  // A new key is read back too: if it could not be decrypted, that must show before the CA uses it.
  return openKeyFile(file);
}
