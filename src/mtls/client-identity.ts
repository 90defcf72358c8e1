import {
  attributeValues,
  constraintAgainstDnsName,
  Oid,
  spiffeIdOf,
  type Certificate,
  type ValidatedPath,
} from '../x509/index.js';
import {
  commonNameOf,
  NoServiceNameError,
  serviceNameOf,
  type ServiceName,
  type ServicePlace,
} from './service-name.js';

/** How an identity is read from a validated path. */
export interface Reading {
  /** Where the name of the service is looked for, in order. */
  readonly serviceFrom: readonly ServicePlace[];
  /** The trust domain of the anchor that the path ends at, where it has a name. */
  readonly trustDomain?: string | undefined;
}

/** Who is on the other end. It can be made only from a validated path, is frozen, and is the same object for every request of a connection. */
export class VerifiedClientIdentity {
  readonly #proven = true;
  readonly validated = true;
  readonly certificate: Certificate;
  /** The service's name: the common name, the DNS name in lower case, or the whole SPIFFE ID. */
  readonly service: string;
  /** Where the name was read. */
  readonly serviceFrom: ServicePlace;
  /** The one common name, or undefined. */
  readonly commonName: string | undefined;
  /** The SPIFFE ID, when the certificate has exactly one URI SAN and that is a SPIFFE ID. */
  readonly spiffeId: string | undefined;
  /** The trust domain whose CA vouches for the certificate, where that domain has a name. */
  readonly trustDomain: string | undefined;
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

  private constructor(path: ValidatedPath, { service, serviceFrom }: ServiceName, trustDomain: string | undefined) {
    const certificate = path.leaf;
    this.certificate = certificate;
    this.service = service;
    this.serviceFrom = serviceFrom;
    this.commonName = commonNameOf(certificate);
    this.spiffeId = spiffeIdOf(certificate);
    this.trustDomain = trustDomain;
    this.serialNumber = certificate.serialNumber;
    this.fingerprint256 = certificate.fingerprint256;
    this.issuer = attributeValues(certificate.issuer, Oid.commonName)[0];
    this.issuerFingerprint256 = path.certificates[1]?.fingerprint256;
    this.notBefore = path.leaf.notBefore;
    this.notAfter = path.leaf.notAfter;
    Object.freeze(this);
  }

  /**
   * The identity that a validated path proves. Throws NoServiceNameError, as {@link serviceNameOf}, and for a common name that constraints on DNS names
   * forbid: a CA that may name the services of one domain only must not name others there, where RFC 5280 §4.2.1.10 does not look.
   */
  static establish(path: ValidatedPath, { serviceFrom, trustDomain }: Reading): VerifiedClientIdentity {
    const name = serviceNameOf(path.leaf, serviceFrom);
    const [, ...authorities] = path.certificates;
    const problem = name.serviceFrom === 'cn' ? constraintAgainstDnsName(authorities, name.service) : undefined;
    if (problem !== undefined)
      throw new NoServiceNameError(
        `the common name is against the name constraints of a CA above: ${problem}`,
        'Have a certificate issued with a common name that the CAs above allow as a DNS name, or let mtls.serviceFrom read another name of it.',
      );
    return new VerifiedClientIdentity(path, name, trustDomain);
  }

  /** Whether a value is an identity that was established here, not an object that looks like one. */
  static isProven(value: unknown): value is VerifiedClientIdentity {
    return typeof value === 'object' && value !== null && #proven in value;
  }
}
