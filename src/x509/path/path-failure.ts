import type { Certificate } from '../certificate.js';
import { nameToString } from '../name.js';

/** Why a path was refused, from a closed list. The number of a code in {@link STAGE} says how far a path gets before it can fail so. */
export type PathFailureCode = keyof typeof STAGE;

/**
 * How far a candidate path got, by the reason that stopped it: no path, signatures, constraints, dates, purposes, names, revocation. Of several candidates the
 * one that got furthest gives the reason, so that a stranger's certificate is `untrusted` whatever else is wrong with it, and only one below a trusted anchor
 * can be `expired` or `revoked`.
 */
export const STAGE = {
  malformed: 0,
  untrusted: 0,
  work_limit: 1,
  unsupported_algorithm: 1,
  bad_signature: 1,
  unknown_critical_extension: 2,
  weak_key: 2,
  profile: 2,
  not_a_ca: 2,
  path_too_long: 2,
  key_usage: 2,
  name_constraints: 2,
  policy: 2,
  not_yet_valid: 3,
  expired: 3,
  extended_key_usage: 4,
  name_mismatch: 5,
  revocation_unknown: 6,
  revoked: 7,
} as const;

/** A rule that a certificate breaks, before it is known where in a path it stands. `rule` cites the section. */
export interface Defect {
  readonly code: PathFailureCode;
  readonly rule: string;
  readonly message: string;
}

/** The certificate a failure is about. `index` counts from the leaf, 0, in the candidate path that failed. */
export interface FailedCertificate {
  readonly subject: string;
  readonly serialNumber: string;
  readonly index: number;
}

/** A typed refusal: the code, a sentence for people, the rule, and the certificate that broke it, when it was one certificate. */
export interface PathFailure extends Defect {
  readonly certificate: FailedCertificate | undefined;
}

// Names from outside stand in messages: a directory name has at most 512 characters there (`nameToString`), but other kinds may have 64 KiB.
const MAX_MESSAGE = 600;

/** A defect; its message is cut with an ellipsis after 600 characters. */
export function defect(code: PathFailureCode, rule: string, message: string): Defect {
  return { code, rule, message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message };
}

/** The failure of a path whose certificate at `index` has `problem`. */
export function failureOf(problem: Defect, certificate: Certificate | undefined, index = 0): PathFailure {
  return {
    ...problem,
    certificate: certificate && {
      subject: nameToString(certificate.subject),
      serialNumber: certificate.serialNumber,
      index,
    },
  };
}

/** The failure of the path that got further; the earlier one when they got equally far. */
export function furthest(a: PathFailure | undefined, b: PathFailure): PathFailure {
  return a && STAGE[a.code] >= STAGE[b.code] ? a : b;
}
