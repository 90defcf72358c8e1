import { signingSchemeFor, type AlgorithmIdentifier, type SubjectPublicKeyInfo } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import type { Signer } from './signer.js';

/** The signer of a CA whose key is kept elsewhere. It cannot sign. */
export class AbsentSigner implements Signer {
  readonly publicKey: SubjectPublicKeyInfo;
  readonly algorithm: AlgorithmIdentifier;
  readonly #id: string;

  constructor(id: string, publicKey: SubjectPublicKeyInfo) {
    this.#id = id;
    this.publicKey = publicKey;
    this.algorithm = signingSchemeFor(publicKey.keyObject).algorithm;
  }

  /** Does nothing: only signing fails. */
  open(): Promise<void> {
    return Promise.resolve();
  }

  /** Throws PkiError `key_elsewhere`. */
  sign(): Promise<never> {
    return Promise.reject(new PkiError('key_elsewhere', `the key of the CA ${this.#id} is not here`));
  }

  /** Throws PkiError `key_elsewhere`. */
  signLarge(): Promise<never> {
    return this.sign();
  }
}
