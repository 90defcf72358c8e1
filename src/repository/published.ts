import type { OcspAnswer, PublishedCrl } from '../pki/index.js';

/** The parts of a published CRL that the repository needs. */
export type ServedCrl = Pick<PublishedCrl, 'octets' | 'sha256' | 'lastModified' | 'nextUpdate' | 'read'>;

/** Port: what the certification authority has published. `issuer` is the CA's id, as in its URLs. */
export interface Published {
  /** A CA certificate in DER. */
  readonly certificate: (issuer: string) => Uint8Array | undefined;
  /** The trust bundle in PEM. */
  readonly bundle: () => string;
  /** The trust bundle as a JWK set (SPIFFE Trust Domain and Bundle §4), JSON. */
  readonly spiffeBundle: () => Promise<string>;
  /** The cross-certificates in PEM; empty when there are none. */
  readonly crossCertificates: () => string;
  /** The current CRL of an issuer. `scope`: absent for the complete list, `delta`, or the number of a shard. */
  readonly crl: (issuer: string, scope?: string) => ServedCrl | undefined;
  /** Answers an encoded OCSP request; never fails. Undefined when OCSP is off. */
  readonly ocsp: ((request: Uint8Array) => OcspAnswer | Promise<OcspAnswer>) | undefined;
  /** Whether this process is ready to serve. */
  readonly ready: () => Promise<boolean>;
}
export const PUBLISHED = Symbol('veritas:Published');
