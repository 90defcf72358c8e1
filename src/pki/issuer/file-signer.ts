import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  signAside,
  signingSchemeFor,
  subjectPublicKeyInfoOf,
  type AlgorithmIdentifier,
  type SubjectPublicKeyInfo,
} from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import { createFile, ensurePrivateFolder } from '../publication/atomic-file.js';
import { decryptPrivateKey, encryptPrivateKey } from './encrypted-key.js';
import { newPrivateKey, type AuthorityKeyType } from './new-key.js';
import { withPassphrase } from './passphrase.js';
import { readSecretFile } from './secret-file.js';
import type { LargeOctets, Signer } from './signer.js';

/** Where a key is kept: encrypted PKCS#8, and its passphrase in another file. */
export interface KeyFile {
  readonly path: string;
  readonly passphraseFile: string;
}

/** A signer whose key is in a file. The file is opened at the first signature: whoever signs nothing does not pay for the key derivation. */
export class FileSigner implements Signer {
  readonly publicKey: SubjectPublicKeyInfo;
  readonly algorithm: AlgorithmIdentifier;
  readonly #file: KeyFile;
  readonly #scheme: ReturnType<typeof signingSchemeFor>;
  #key: KeyObject | undefined;

  /** `publicKey` is that of the issuer's certificate: a key that does not belong to it never signs. `opened`: the key, where it was opened a moment ago. */
  constructor(file: KeyFile, publicKey: SubjectPublicKeyInfo, opened?: KeyObject) {
    this.#file = file;
    this.publicKey = publicKey;
    this.#scheme = signingSchemeFor(publicKey.keyObject);
    this.algorithm = this.#scheme.algorithm;
    if (opened) this.#key = this.#checked(opened);
  }

  /** Opens the file. Throws what {@link sign} throws. */
  async open(): Promise<void> {
    this.#key ??= this.#checked(await openKeyFile(this.#file));
  }

  /** Signs; throws PkiError `key_unreadable`, `key_file_exposed` or `authority_mismatch` when the key cannot be had. */
  async sign(octets: Uint8Array): Promise<Uint8Array> {
    const key = (this.#key ??= this.#checked(await openKeyFile(this.#file)));
    return signAside(this.#scheme, key, octets);
  }

  /** As {@link sign}. */
  async signLarge(octets: LargeOctets): Promise<Uint8Array> {
    const key = (this.#key ??= this.#checked(await openKeyFile(this.#file)));
    return octets.sign(this.#scheme, key);
  }

  #checked(key: KeyObject): KeyObject {
    if (Buffer.compare(subjectPublicKeyInfoOf(key).der, this.publicKey.der) !== 0)
      throw new PkiError('authority_mismatch', `the key in ${this.#file.path} does not belong to the CA's certificate`);
    return key;
  }
}

/** Opens an encrypted PKCS#8 key. Throws PkiError `key_unreadable` (not one, another passphrase) or `key_file_exposed`. */
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

/** Opens the key of a file, made first, as a key of this type, when it is absent. Never overwrites. */
export async function ensureKeyFile(file: KeyFile, type: AuthorityKeyType): Promise<KeyObject> {
  if (!existsSync(file.path))
    await withPassphrase(file.passphraseFile, async (passphrase) => {
      const privateKey = await newPrivateKey(type);
      ensurePrivateFolder(dirname(file.path));
      createFile(file.path, await encryptPrivateKey(privateKey, passphrase), 0o600);
    });
  // Read back even what was just written: a key that does not open would be found when it is too late.
  return openKeyFile(file);
}
