import type { Certificate, Name, SubjectPublicKeyInfo } from '../../x509/index.js';

/** What a certificate says about who issued it. */
export interface IssuerIdentity {
  /** The name in file names and URLs: `root`, `issuing`, `issuing-2`. */
  readonly id: string;
  readonly subject: Name;
  readonly publicKey: SubjectPublicKeyInfo;
  readonly keyIdentifier: Uint8Array;
  /** While it and every CA above it is valid. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Its own certificate and those above it, the root last; empty for a root that has none yet. */
  readonly chain: readonly Certificate[];
}

/** The identity that an issuer's own certificate gives it. `above`: the certificates of the CAs above, root last; none for a root. */
export function identityOf(id: string, certificate: Certificate, above: readonly Certificate[]): IssuerIdentity {
  const { subject, publicKey, extensions } = certificate;
  const keyIdentifier = extensions.subjectKeyIdentifier ?? publicKey.keyIdentifier;
  const chain = [certificate, ...above];
  const notBefore = new Date(Math.max(...chain.map((each) => each.notBefore.getTime())));
  const notAfter = new Date(Math.min(...chain.map((each) => each.notAfter.getTime())));
  return { id, subject, publicKey, keyIdentifier, notBefore, notAfter, chain };
}
