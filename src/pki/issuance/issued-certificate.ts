import { encodePem, type Certificate } from '../../x509/index.js';
import type { Authority } from '../issuer/authority.js';
import { sentChainPem } from '../publication/chain-pem.js';

/** A certificate that is signed and stored. */
export interface IssuedCertificate {
  readonly certificate: Certificate;
  readonly certificatePem: string;
  /** Leaf first, then its issuing CA; the root is left out. While there are two roots, cross-certificates for who trusts the other one. */
  readonly chain: readonly Certificate[];
  readonly chainPem: string;
}

/** A certificate of an authority with what is sent beside it. */
export function withChain(certificate: Certificate, authority: Authority): IssuedCertificate {
  const certificatePem = encodePem('CERTIFICATE', certificate.der);
  const chain = [certificate, ...authority.sentChain];
  return { certificate, certificatePem, chain, chainPem: certificatePem + sentChainPem(authority) };
}
