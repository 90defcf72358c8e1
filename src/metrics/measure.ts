import type { Labels } from './tally.js';

/** A metric. Its value is read only when the metrics are requested. */
export interface Measure {
  /** A name by Prometheus' conventions: it contains the unit, and ends in `_total` if the value only rises. */
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  readonly labels: readonly string[];
  readonly read: () => Iterable<readonly [labels: Labels, value: number]>;
}

/** The validity of a certificate. */
export interface CertificateTerm {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A revocation list that this process serves. */
export interface ListTerm {
  readonly issuer: string;
  readonly scope: string;
  readonly number: number;
  readonly nextUpdate: Date;
  readonly octets: number;
}

/** The state of a revocation list of another CA. The times are undefined while no list was read. */
export interface ForeignListTerm {
  readonly thisUpdate: Date | undefined;
  readonly nextUpdate: Date | undefined;
  readonly readAt: Date | undefined;
  readonly failures: number;
}

/** Port: the state of the service, read when the metrics are requested. */
export interface Readings {
  readonly version: string;
  /** The certificate that the service presents. */
  readonly certificate: () => CertificateTerm;
  /** The certificates of its CAs that are neither retired nor removed, by the ids of the CAs. */
  readonly authorities: () => readonly (readonly [id: string, term: CertificateTerm])[];
  readonly lists: () => readonly ListTerm[];
  /** The lists of `mtls.crls`, in that order. */
  readonly foreignLists: () => readonly ForeignListTerm[];
}
