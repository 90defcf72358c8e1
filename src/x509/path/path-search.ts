import type { Certificate } from '../certificate.js';
import type { Candidate, CandidatePool } from './candidate-pool.js';
import { isSelfIssued } from './certificate-rules.js';
import { keyCost, OTHER_KEY } from './key-cost.js';
import { signatureAlgorithmDefect } from './key-policy.js';
import { defect, type Defect } from './path-failure.js';

/** Certificates of a path from the one to be validated (first) to an anchor (last). Every signature in it was verified. */
export type CandidatePath = readonly [Certificate, ...Certificate[]];

/** What a search may go through. */
interface SearchOptions {
  /** The anchors where a path may end. */
  readonly anchors: readonly Candidate[];
  /** Which certificates may stand above the first; the others are passed over before any signature is verified. */
  readonly admits: (candidate: Candidate) => boolean;
  /** Passes over a CA that a path length constraint forbids in that place; false to let the full check name the reason. */
  readonly heedsPathLength: boolean;
}

interface Step {
  readonly certificate: Certificate;
  readonly entity: string;
  readonly below: Step | undefined;
  readonly depth: number;
  readonly cost: number;
  /** Certificates from here to the first, this one included, that count for a path length constraint above. */
  readonly counted: number;
}

// Our own bound, as RFC 5280 sets none. The longest path of NIST's PKITS has seven certificates.
const MAX_LENGTH = 20;

/**
 * Builds paths from a certificate upwards, the most promising first (RFC 4158 §2.4.1): the shortest, with matching key identifiers, and only through names that
 * lead to an anchor, which is known before the first signature is verified. The same subject and key stand at most once in a path, so that loops end; each
 * signature is verified once per call; and the call's budget pays for everything.
 */
export class PathSearch {
  readonly #distances: ReadonlyMap<string, number>;
  readonly #anchors: ReadonlySet<Candidate>;
  #dead: { readonly depth: number; readonly certificate: Certificate; readonly problem: Defect } | undefined;

  constructor(
    readonly pool: CandidatePool,
    readonly options: SearchOptions,
  ) {
    this.#anchors = new Set(options.anchors.filter(options.admits));
    this.pool.signatures.work.step(pool.candidates.length);
    this.#distances = this.#distancesByName();
  }

  /** Where the search got stuck deepest: the certificate whose issuer was not found, and why. */
  get dead(): { readonly depth: number; readonly certificate: Certificate; readonly problem: Defect } | undefined {
    return this.#dead;
  }

  /** The paths of `certificate`, one at a time. An anchor by itself is a path. Throws WorkLimitReached. */
  *paths(certificate: Certificate): Generator<CandidatePath, void, undefined> {
    for (const anchor of this.#anchors)
      if (anchor.certificate.fingerprint256 === certificate.fingerprint256) yield [certificate];
    const { work } = this.pool.signatures;
    const queue = new CostQueue<{ readonly below: Step; readonly candidate: Candidate; readonly step: Step }>();
    const push = (below: Step): void => {
      const issuers = this.pool.named(below.certificate.issuer.key);
      work.step(1 + issuers.length);
      let known = false;
      for (let i = issuers.length - 1; i >= 0; i--) {
        const candidate = issuers[i];
        if (!candidate) continue;
        const step = this.#stepTo(candidate, below);
        if (!step) continue;
        known = true;
        queue.push(step.cost + (this.#distanceOf(candidate) ?? 0), { below, candidate, step });
      }
      if (!known) this.#stuck(below, NO_ISSUER);
    };
    push({ certificate, entity: this.pool.entityOf(certificate), below: undefined, depth: 0, cost: 0, counted: 0 });
    for (let next = queue.pop(); next; next = queue.pop()) {
      const { below, candidate, step } = next;
      if (!this.pool.signatures.verify(below.certificate, candidate.certificate.publicKey)) {
        this.#stuck(below, signatureProblem(below.certificate, candidate.certificate));
      } else {
        if (this.#anchors.has(candidate)) yield pathOf(step);
        // Above an anchor there may be another one, to which the path is valid although it is not to this one.
        push(step);
      }
    }
  }

  #stepTo(candidate: Candidate, below: Step): Step | undefined {
    const { certificate, entity } = candidate;
    if (!this.options.admits(candidate) || below.depth + 1 >= MAX_LENGTH || this.#distanceOf(candidate) === undefined)
      return undefined;
    for (let at: Step | undefined = below; at; at = at.below) if (at.entity === entity) return undefined;
    const pathLength = certificate.extensions.basicConstraints?.pathLenConstraint;
    if (this.options.heedsPathLength && pathLength !== undefined && below.counted > pathLength) return undefined;
    return {
      certificate,
      entity,
      below,
      depth: below.depth + 1,
      cost: below.cost + 1 + keyCost(below.certificate.extensions.authorityKeyIdentifier, certificate),
      counted: below.counted + (isSelfIssued(certificate) ? 0 : 1),
    };
  }

  #distanceOf(candidate: Candidate): number | undefined {
    if (this.#anchors.has(candidate)) return 0;
    const distance = this.#distances.get(candidate.certificate.issuer.key);
    return distance === undefined ? undefined : distance + 1;
  }

  /** The least number of certificates between a name and an anchor, judged by names alone. */
  #distancesByName(): Map<string, number> {
    const distances = new Map<string, number>();
    for (const { certificate } of this.#anchors) distances.set(certificate.subject.key, 0);
    const admitted = this.pool.candidates.filter((candidate) => this.options.admits(candidate));
    const byIssuer = Map.groupBy(admitted, ({ certificate }) => certificate.issuer.key);
    // Iterating over a Map reaches what is added meanwhile: this is a breadth-first walk.
    for (const [name, distance] of distances)
      for (const { certificate } of byIssuer.get(name) ?? [])
        if (!distances.has(certificate.subject.key)) distances.set(certificate.subject.key, distance + 1);
    return distances;
  }

  #stuck({ depth, certificate }: Step, problem: Defect): void {
    const before = this.#dead;
    if (!before || depth > before.depth || (depth === before.depth && before.problem === NO_ISSUER))
      this.#dead = { depth, certificate, problem };
  }
}

/** The defect of a certificate whose issuer is not at hand. */
export const NO_ISSUER = defect(
  'untrusted',
  'RFC 5280 §6.1.3 (a)(4)',
  'no path leads from the certificate to a trust anchor',
);

function signatureProblem(certificate: Certificate, issuer: Certificate): Defect {
  if (keyCost(certificate.extensions.authorityKeyIdentifier, issuer) === OTHER_KEY) return NO_ISSUER;
  return (
    signatureAlgorithmDefect(certificate) ??
    defect('bad_signature', 'RFC 5280 §6.1.3 (a)(1)', "the signature was not made by the issuer's key")
  );
}

function pathOf(last: Step): CandidatePath {
  const above: Certificate[] = [];
  let at = last;
  for (; at.below; at = at.below) above.unshift(at.certificate);
  return [at.certificate, ...above];
}

/** A priority queue for small whole costs; of equal ones the last comes first, so that a search goes deep before it goes wide. */
class CostQueue<T> {
  readonly #buckets: T[][] = [];
  #lowest = 0;

  push(cost: number, item: T): void {
    (this.#buckets[cost] ??= []).push(item);
    this.#lowest = Math.min(this.#lowest, cost);
  }

  pop(): T | undefined {
    for (; this.#lowest < this.#buckets.length; this.#lowest++) {
      const item = this.#buckets[this.#lowest]?.pop();
      if (item !== undefined) return item;
    }
    return undefined;
  }
}
