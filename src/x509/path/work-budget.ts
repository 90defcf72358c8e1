import type { KeyParameters } from '../public-key.js';

/** Thrown inside this folder when a validation has used up its work; `validatePath` turns it into `work_limit`. */
export class WorkLimitReached extends Error {
  override readonly name = 'WorkLimitReached';
}

// Our own numbers, as RFC 5280 sets none. Verifying a P-256 signature takes about 0.1 ms and a step less than 1 µs: tens of milliseconds in all.
const SIGNATURES = 640;
const STEPS = 60_000;
// As many octets are digested in the time of one verification.
const OCTETS = 64 * 1024;

/**
 * What one call of `validatePath` may cost, shared by everything that it does: the search, the paths of CRL issuers, name constraints and policies. On the
 * hardest published inputs a search without a bound runs for ever; this one stops and refuses.
 */
export class WorkBudget {
  readonly #most: { readonly signatures: number; readonly steps: number };
  #signatures: number;
  #steps: number;

  /** `share` of the whole, above 0 and up to 1. */
  constructor(share = 1) {
    this.#most = { signatures: SIGNATURES * share, steps: STEPS * share };
    this.#signatures = this.#most.signatures;
    this.#steps = this.#most.steps;
  }

  /** Pays for one signature verification with a key of this kind, and for the digest of `octets`. Throws {@link WorkLimitReached}. */
  signature(key: KeyParameters, octets = 0): void {
    this.#signatures -= costOf(key) + Math.floor(octets / OCTETS);
    if (this.#signatures < 0) throw new WorkLimitReached('signature verifications');
  }

  /** Pays for `count` steps of bookkeeping: candidates queued, names compared, policy nodes made. Throws {@link WorkLimitReached}. */
  step(count = 1): void {
    this.#steps -= count;
    if (this.#steps < 0) throw new WorkLimitReached('steps');
  }

  /** What was spent so far, in the units of the limits above. */
  get spent(): { readonly signatures: number; readonly steps: number } {
    return { signatures: this.#most.signatures - this.#signatures, steps: this.#most.steps - this.#steps };
  }
}

/**
 * The cost of a verification in P-256 verifications, by about what node:crypto takes: P-256 0.12 ms, P-384 1.1 ms, P-521 2.5 ms, RSA 0.04–0.4 ms, and up to
 * 26 ms with an exponent as long as the key, which is read as 0.
 */
function costOf(key: KeyParameters): number {
  switch (key.type) {
    case 'rsa':
      if (key.exponent === 0n) return 256;
      return (key.bits > 8192 ? 64 : key.bits > 4096 ? 4 : 1) * (key.exponent > 0xffffffn ? 4 : 1);
    case 'ec':
      return { 'P-256': 1, 'P-384': 6, 'P-521': 16 }[key.curve];
    case 'ed25519':
      return 2;
    case 'other':
      return 0;
  }
}
