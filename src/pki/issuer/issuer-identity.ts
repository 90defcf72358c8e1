import type { Certificate, Name, SubjectPublicKeyInfo } from '../../x509/index.js';

/** What a certificate says about who issued it. */
export interface IssuerIdentity {
  /** The name in file names and URLs: `root`, `issuing`. */
  readonly id: string;
  readonly subject: Name;
  readonly publicKey: SubjectPublicKeyInfo;
  readonly keyIdentifier: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** The identity that an issuer's own certificate gives it. */
export function identityOf(id: string, certificate: Certificate): IssuerIdentity {
  const { subject, publicKey, notBefore, notAfter, extensions } = certificate;
  const keyIdentifier = extensions.subjectKeyIdentifier ?? publicKey.keyIdentifier;
  return { id, subject, publicKey, keyIdentifier, notBefore, notAfter };
}
