import { Oid, attributeValues, type Certificate, type ValidatedPath } from '../x509/index.js';
import { spiffeIdOf } from './spiffe-id.js';

// A superset of what our own CA issues; anything outside has only ever been an attempt to be read as something else.
const SERVICE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?$/;

/**
 * Who is on the other end: made only from a validated path. Frozen; the same object for every request of a
 * connection.
 */
export class VerifiedClientIdentity {
  readonly #proven = true;
  readonly validated = true;
  readonly certificate: Certificate;
  /** The service's name, from the one common name. */
  readonly service: string;
  readonly commonName: string;
  /** The SPIFFE ID, when the certificate has exactly one URI SAN and that is one. */
  readonly spiffeId: string | undefined;
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
  /** SHA-256 of the DER, lower-case hexadecimal. */
  readonly fingerprint256: string;
  /** The issuer's common name, or undefined. */
  readonly issuer: string | undefined;
  /** SHA-256 of the certificate of the CA that issued it, lower-case hexadecimal. */
  readonly issuerFingerprint256: string | undefined;
  readonly notBefore: Date;
  readonly notAfter: Date;

  private constructor(path: ValidatedPath, service: string) {
    const certificate = path.leaf;
    this.certificate = certificate;
    this.service = service;
    this.commonName = service;
    this.spiffeId = spiffeIdOf(certificate);
    this.serialNumber = certificate.serialNumber;
    this.fingerprint256 = certificate.fingerprint256;
    this.issuer = attributeValues(certificate.issuer, Oid.commonName)[0];
    this.issuerFingerprint256 = path.certificates[1]?.fingerprint256;
    this.notBefore = path.leaf.notBefore;
    this.notAfter = path.leaf.notAfter;
    Object.freeze(this);
  }

  /**
   * The identity that a validated path proves. The subject must hold exactly one common name, of letters, digits, dots, hyphens and
   * underscores: several of them, or one with a NUL, a slash or a comma, name nobody. Throws {@link NoServiceNameError}.
   */
  static establish(path: ValidatedPath): VerifiedClientIdentity {
    const names = attributeValues(path.leaf.subject, Oid.commonName);
    const [name] = names;
    if (names.length !== 1 || name === undefined)
      throw new NoServiceNameError(`the certificate's subject has ${names.length} common names where one belongs`);
    if (!SERVICE_NAME.test(name)) throw new NoServiceNameError("the certificate's common name is not a service name");
    return new VerifiedClientIdentity(path, name);
  }

  /** Whether a value is an identity that was established here, not an object that looks like one. */
  static isProven(value: unknown): value is VerifiedClientIdentity {
    return typeof value === 'object' && value !== null && #proven in value;
  }
}

/** Why a certificate names no service. */
export class NoServiceNameError extends Error {
  override readonly name = 'NoServiceNameError';
}
