/** `certificate.issued`: a certificate was signed and its row is durable. `serialNumber` is lower-case hexadecimal, as everywhere. */
interface CertificateIssued {
  readonly serialNumber: string;
  readonly issuer: string;
  readonly profile: string;
  readonly service: string | undefined;
  readonly notAfter: Date;
  readonly requester: string;
  readonly requestId: string;
}

/** `certificate.revoked`: a revocation by this process is durable. Those of other processes are told by `revocations.changed` alone. */
interface CertificateRevoked {
  readonly serialNumber: string;
  readonly issuer: string;
  /** A CRLReason's name (RFC 5280 §5.3.1). */
  readonly reason: string;
  readonly revokedAt: Date;
}

/** `certificate.released`: this process lifted the hold of a certificate, which is durable. */
interface CertificateReleased {
  readonly serialNumber: string;
  readonly issuer: string;
}

/** `revocations.changed`: what the process knows about revocations changed; `epoch` is higher than ever before. */
interface RevocationsChanged {
  readonly epoch: number;
}

/** `issuance.refused`: a request did not become a certificate. `code` is a code of the room pki. */
interface IssuanceRefused {
  readonly code: string;
  readonly requester: string;
  readonly requestId: string;
}

/** `crl.published`: a CRL is served from now on, signed here or by another process. */
interface CrlPublished {
  readonly issuer: string;
  /** `complete`, `delta`, or the number of a shard. */
  readonly scope: string;
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly octets: number;
}

/** `issuer.created`: a CA certificate came into being, or (`adopted`) was taken into an empty store from its file. */
interface IssuerCreated {
  readonly issuer: string;
  readonly notAfter: Date;
  readonly adopted: boolean;
}

/** `issuers.changed`: this process acts on another set of CAs, or on other states of theirs, from now on; by their ids. */
interface IssuersChanged {
  readonly states: ReadonlyMap<string, string>;
}

/**
 * `services.changed`: this process acts on another list of services from now on. `epoch` is higher than ever before; `names` are the names and patterns that
 * changed.
 */
interface ServicesChanged {
  readonly epoch: number;
  readonly names: readonly string[];
}

/** `renewal.done`: the certificate of this service was renewed, and is in use. */
interface RenewalDone {
  readonly serialNumber: string;
  readonly previousSerialNumber: string;
  readonly notAfter: Date;
}

/**
 * `renewal.failed`: the certificate was not renewed, and it will be tried again at `retryAt`. The level is `error` when the cause will not go away by itself,
 * or half of the time that was left is gone.
 */
interface RenewalFailed {
  readonly level: 'warn' | 'error';
  readonly why: string;
  /** How many times in a row, from 1. */
  readonly attempt: number;
  readonly retryAt: Date;
  /** Of the certificate in use; undefined when it cannot be read. */
  readonly notAfter: Date | undefined;
}

/** `renewal.unneeded`: it need not be, where it failed before or somebody else replaced it. */
interface RenewalUnneeded {
  /** Of the certificate in use; undefined when our CA did not issue it. */
  readonly notAfter: Date | undefined;
}

/** `background.failed`: work on a timer failed and will be tried again. */
interface BackgroundFailed {
  readonly task: string;
  readonly error: unknown;
}

/** Every event of the product by its name. */
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
