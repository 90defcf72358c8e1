import { sameKey, type Certificate } from '../../x509/index.js';
import type { Signer } from '../issuer/signer.js';
import { PkiError } from '../pki-error.js';
import { encodeAnswer, type OcspToken, type ResponderIdentity } from './ocsp-token.js';

/** A delegated responder (RFC 6960 §4.2.2.2): a key, and the certificate for it that a CA signed. It signs only {@link OcspToken}s. */
export class Responder {
  readonly identity: ResponderIdentity;
  readonly #signer: Signer;

  /** Throws PkiError `authority_mismatch` when the key is not that of the certificate. */
  constructor(issuer: Certificate, certificate: Certificate, signer: Signer) {
    if (!sameKey(certificate.publicKey, signer.publicKey))
      throw new PkiError('authority_mismatch', 'the key of the OCSP responder does not belong to its certificate');
    this.identity = { issuer, certificate, algorithm: signer.algorithm };
    this.#signer = signer;
  }

  /**
   * Signs a token and returns the OCSPResponse in DER. Throws PkiError `token_spent` the second time, `authority_mismatch` for the token of another
   * responder, and what the signer throws.
   */
  async respond(token: OcspToken): Promise<Uint8Array> {
    if (token.responder !== this.identity)
      throw new PkiError('authority_mismatch', 'the token is for another OCSP responder');
    const tbs = token.spend();
    return encodeAnswer(tbs, this.identity, await this.#signer.sign(tbs));
  }
}
