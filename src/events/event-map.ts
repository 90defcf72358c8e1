/** `certificate.issued`: a certificate was signed and its row is committed. In all events `serialNumber` is lower-case hexadecimal. */
interface CertificateIssued {
  readonly serialNumber: string;
  readonly issuer: string;
  readonly profile: string;
  readonly service: string | undefined;
  readonly notAfter: Date;
  readonly requester: string;
  readonly requestId: string;
}

/** `certificate.revoked`: a revocation by this process is committed. Revocations by other processes cause only `revocations.changed`. */
interface CertificateRevoked {
  readonly serialNumber: string;
  readonly issuer: string;
  /** The name of a CRLReason (RFC 5280 §5.3.1). */
  readonly reason: string;
  readonly revokedAt: Date;
}

/** `certificate.released`: this process released a certificate from hold, and the release is committed. */
interface CertificateReleased {
  readonly serialNumber: string;
  readonly issuer: string;
}

/** `revocations.changed`: the revocations known to this process changed. `epoch` is higher than in any event before. */
interface RevocationsChanged {
  readonly epoch: number;
}

/** `issuance.refused`: a request for a certificate was refused. `code` is a code of PkiError. */
interface IssuanceRefused {
  readonly code: string;
  readonly requester: string;
  readonly requestId: string;
}

/** `crl.published`: this process begins to serve a CRL, signed by itself or by another process. */
interface CrlPublished {
  readonly issuer: string;
  /** `complete`, `delta`, or the number of a shard. */
  readonly scope: string;
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly octets: number;
}

/** `issuer.created`: a CA certificate was created, or (`adopted`) taken from its file into a store that did not have it. */
interface IssuerCreated {
  readonly issuer: string;
  readonly notAfter: Date;
  readonly adopted: boolean;
}

/** `issuers.changed`: this process now uses another set of CAs, or other states of its CAs. `states` is by the ids of the CAs. */
interface IssuersChanged {
  readonly states: ReadonlyMap<string, string>;
}

/**
 * `services.changed`: this process now uses another list of services. `epoch` is higher than in any event before; `names` are the names and patterns
 * that changed.
 */
interface ServicesChanged {
  readonly epoch: number;
  readonly names: readonly string[];
}

/** `renewal.done`: the certificate of this service was renewed, and the new one is in use. */
interface RenewalDone {
  readonly serialNumber: string;
  readonly previousSerialNumber: string;
  readonly notAfter: Date;
}

/**
 * `renewal.failed`: the certificate of this service could not be renewed; the next attempt is at `retryAt`. The level is `error` when the cause will
 * not go away by itself, or when half of the time that was left is over.
 */
interface RenewalFailed {
  readonly level: 'warn' | 'error';
  readonly why: string;
  /** The number of failures in a row, from 1. */
  readonly attempt: number;
  readonly retryAt: Date;
  /** The notAfter of the certificate in use; undefined when the certificate cannot be read. */
  readonly notAfter: Date | undefined;
}

/** `renewal.unneeded`: after a failed renewal, or when someone else replaced the certificate, a renewal is not needed. */
interface RenewalUnneeded {
  /** The notAfter of the certificate in use; undefined when our CA did not issue it. */
  readonly notAfter: Date | undefined;
}

/**
 * `background.failed`: work outside of an API call failed: a task on a timer, which is tried again; a listener of an event; or making an OCSP
 * response (at most one event in ten seconds).
 */
interface BackgroundFailed {
  readonly task: string;
  readonly error: unknown;
}

/** All events of the product, by name. */
export interface EventMap {
  readonly 'certificate.issued': CertificateIssued;
  readonly 'certificate.revoked': CertificateRevoked;
  readonly 'certificate.released': CertificateReleased;
  readonly 'revocations.changed': RevocationsChanged;
  readonly 'issuance.refused': IssuanceRefused;
  readonly 'crl.published': CrlPublished;
  readonly 'issuer.created': IssuerCreated;
  readonly 'issuers.changed': IssuersChanged;
  readonly 'services.changed': ServicesChanged;
  readonly 'renewal.done': RenewalDone;
  readonly 'renewal.failed': RenewalFailed;
  readonly 'renewal.unneeded': RenewalUnneeded;
  readonly 'background.failed': BackgroundFailed;
}

export type EventName = keyof EventMap;
