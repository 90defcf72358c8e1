import {
  decodeOcspResponse,
  encodeBasicOcspResponse,
  encodeExtensionOf,
  encodeOcspResponse,
  encodeResponseData,
  lintFindingToString,
  lintOcsp,
  type AlgorithmIdentifier,
  type Certificate,
  type OcspRequest,
  type ResponseDataFields,
} from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import { readBack } from '../read-back.js';

/** The responder: `certificate` is its certificate, which the CA `issuer` signed. */
export interface ResponderIdentity {
  readonly issuer: Certificate;
  readonly certificate: Certificate;
  readonly algorithm: AlgorithmIdentifier;
}

/** The contents of an OCSP response, and the request that it answers. */
export interface OcspAnswerTerms extends Pick<ResponseDataFields, 'producedAt' | 'responses'> {
  readonly request: Pick<OcspRequest, 'certIds' | 'nonce'>;
}

/** A ResponseData that may be signed once. The constructor encodes it, decodes the octets again and lints the result. */
export class OcspToken {
  readonly responder: ResponderIdentity;
  #tbs: Uint8Array | undefined;

  /** Throws PkiError `lint_failed` with the findings. */
  constructor(responder: ResponderIdentity, { request, ...data }: OcspAnswerTerms) {
    const { certificate, issuer } = responder;
    const { nonce } = request;
    const tbs = encodeResponseData({
      ...data,
      keyIdentifier: certificate.publicKey.keyIdentifier,
      extensions: nonce ? [encodeExtensionOf.ocspNonce(nonce)] : [],
    });
    const { basic: response } = readBack(() =>
      decodeOcspResponse(encodeAnswer(tbs, responder, Uint8Array.of(0)), certificate),
    );
    if (!response) throw new PkiError('lint_failed', 'the response contains no BasicOCSPResponse');
    const findings = lintOcsp({ response, request, responder: certificate, issuer });
    if (findings.length > 0) throw new PkiError('lint_failed', findings.map(lintFindingToString).join('; '));
    this.responder = responder;
    this.#tbs = tbs;
  }

  /** The octets to sign. Throws PkiError `token_spent` the second time. */
  spend(): Uint8Array {
    const tbs = this.#tbs;
    if (!tbs) throw new PkiError('token_spent', 'this OCSP response was signed before');
    this.#tbs = undefined;
    return tbs;
  }
}

/** Encodes the OCSPResponse with the signature and the responder's certificate. */
export function encodeAnswer(tbs: Uint8Array, responder: ResponderIdentity, signature: Uint8Array): Uint8Array {
  const { algorithm, certificate } = responder;
  return encodeOcspResponse(encodeBasicOcspResponse(tbs, algorithm, signature, [certificate.der]));
}
