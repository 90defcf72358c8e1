import { sameKey, type Certificate } from '../../x509/index.js';
import type { CrlToken } from '../crl/crl-token.js';
import { largeTbs, SignedCrl, wholeTbs } from '../crl/signed-crl.js';
import type { IssuanceToken } from '../issuance/issuance-token.js';
import { PkiError } from '../pki-error.js';
import type { IssuerIdentity } from './issuer-identity.js';
import type { Signer } from './signer.js';

/** A CA's name with its key. This is the only code that reaches the key, and it signs only tokens: what was checked, and each once. */
export class Issuer {
  readonly identity: IssuerIdentity;
  readonly #signer: Signer;

  constructor(identity: IssuerIdentity, signer: Signer) {
    if (!sameKey(identity.publicKey, signer.publicKey))
      throw new PkiError('authority_mismatch', `the key of issuer ${identity.id} does not belong to its certificate`);
    this.identity = identity;
    this.#signer = signer;
  }

  /** Makes the key ready. Throws what the signer throws. */
  open(): Promise<void> {
    return this.#signer.open();
  }

  /** Signs what the token holds. Throws PkiError `token_spent` the second time, and what the signer throws. */
  async issue(token: IssuanceToken): Promise<Certificate> {
    this.#check(token);
    const unsigned = token.spend();
    return unsigned.withSignature(await this.#signer.sign(unsigned.tbs));
  }

  /** As {@link issue}, for a CRL. */
  async signCrl(token: CrlToken): Promise<SignedCrl> {
    this.#check(token);
    const tbs = token.spend();
    try {
      const { file } = tbs.entries;
      const signature = file
        ? await this.#signer.signLarge(largeTbs(tbs, file))
        : await this.#signer.sign(await wholeTbs(tbs));
      return new SignedCrl(tbs, this.#signer.algorithm, signature);
    } catch (error) {
      await tbs.entries.dispose();
      throw error;
    }
  }

  #check({ issuer }: IssuanceToken | CrlToken): void {
    if (issuer !== this.identity)
      throw new PkiError('authority_mismatch', `the token is not for issuer ${this.identity.id}`);
  }

  /** The algorithm of its signatures. */
  get algorithm(): Signer['algorithm'] {
    return this.#signer.algorithm;
  }
}
