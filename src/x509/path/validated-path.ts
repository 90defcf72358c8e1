import type { Certificate } from '../certificate.js';
import { dateDefect } from './certificate-rules.js';
import { pathFailure, type PathRules, type PathTools } from './path-checks.js';
import type { PathFailure } from './path-failure.js';
import type { CandidatePath } from './path-search.js';

let make: (path: CandidatePath) => ValidatedPath;

/**
 * A certification path that was validated (RFC 5280 §6). Validation is the only way to get one, so that a function that asks for it is never given an unchecked
 * certificate. It was valid at the time that was asked for; {@link notBefore} and {@link notAfter} say for how long its dates hold.
 */
export class ValidatedPath {
  // Private, which makes the type nominal: another object of the same shape is not one.
  readonly #path: CandidatePath;
  readonly leaf: Certificate;
  readonly anchor: Certificate;
  /** The latest notBefore of the path's certificates. */
  readonly notBefore: Date;
  /** The earliest notAfter. */
  readonly notAfter: Date;

  private constructor(path: CandidatePath) {
    this.#path = path;
    this.leaf = path[0];
    this.anchor = path.at(-1) ?? path[0];
    this.notBefore = new Date(Math.max(...path.map(({ notBefore }) => notBefore.getTime())));
    this.notAfter = new Date(Math.min(...path.map(({ notAfter }) => notAfter.getTime())));
  }

  /** The leaf first, the trust anchor last. */
  get certificates(): CandidatePath {
    return this.#path;
  }

  static {
    make = (path) => new ValidatedPath(path);
  }

  /** Whether the dates of the whole path hold at `time`: the cheap check that an open connection repeats. */
  isCurrent(time: Date): boolean {
    return dateDefect(this, time) === undefined;
  }
}

/** Checks a path whose signatures were verified, revocation last: the one way to a {@link ValidatedPath}. Throws WorkLimitReached. */
export function checkPath(
  path: CandidatePath,
  rules: PathRules,
  tools: PathTools,
  revocationFailure: (path: CandidatePath) => PathFailure | undefined,
): ValidatedPath | PathFailure {
  return pathFailure(path, rules, tools) ?? revocationFailure(path) ?? make(path);
}
