import type { Labels } from './tally.js';

/** One metric: read each time that somebody asks, and never before. */
export interface Measure {
  /** By Prometheus' rules for names: the unit in it, and `_total` at the end of what only rises. */
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  readonly labels: readonly string[];
  readonly read: () => Iterable<readonly [labels: Labels, value: number]>;
}

/** How long a certificate is valid. */
export interface CertificateTerm {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A list that is served. */
export interface ListTerm {
  readonly issuer: string;
  readonly scope: string;
  readonly number: number;
  readonly nextUpdate: Date;
  readonly octets: number;
}

/** How the list of another CA stands. The times are undefined while there was none. */
export interface ForeignListTerm {
  readonly thisUpdate: Date | undefined;
  readonly nextUpdate: Date | undefined;
  readonly readAt: Date | undefined;
  readonly failures: number;
}

/** Port: what is read of the service when somebody asks. */
export interface Readings {
  readonly version: string;
  /** The certificate that the service presents. */
  readonly certificate: () => CertificateTerm;
  /** Those of its CAs, by their ids. */
  readonly authorities: () => readonly (readonly [id: string, term: CertificateTerm])[];
  readonly lists: () => readonly ListTerm[];
  /** Those of `mtls.crls`, in that order. */
  readonly foreignLists: () => readonly ForeignListTerm[];
}
