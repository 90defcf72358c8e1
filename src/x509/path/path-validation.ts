import type { CertificateList } from '../certificate-list.js';
import type { Certificate } from '../certificate.js';
import { CandidatePool, type Candidate } from './candidate-pool.js';
import { certificateDefect, dateDefect } from './certificate-rules.js';
import { CrlIssuers } from './crl-issuers.js';
import { CrlStatus } from './crl-status.js';
import { extendedKeyUsageDefect } from './extended-key-usage.js';
import { NameConstraintChecks } from './name-constraints.js';
import { asksForProfile, isLeafsOwn, pathFailure, type PathRules, type PathTools } from './path-checks.js';
import { defect, failureOf, furthest, STAGE, type PathFailure } from './path-failure.js';
import { NO_ISSUER, PathSearch, type CandidatePath } from './path-search.js';
import { SignatureChecks } from './signature-checks.js';
import { profileDefect } from './strict-profile.js';
import { checkPath, ValidatedPath } from './validated-path.js';
import { WorkBudget, WorkLimitReached } from './work-budget.js';

export interface ValidationInput {
  readonly leaf: Certificate;
  readonly intermediates: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly crls: readonly CertificateList[];
  readonly revocationRequired: boolean;
  /** The share of the usual work; 1 when absent. */
  readonly workShare?: number | undefined;
  readonly accepts?: ((path: CandidatePath) => boolean) | undefined;
  readonly rules: PathRules;
}

// How many whole paths are checked before the search gives up; each was the most promising one that was left.
const MAX_PATHS = 200;
// And how many of those that cannot be valid, only to say why.
const MAX_UNFIT_PATHS = 20;
const NOT_ACCEPTED = defect('revoked', 'RFC 5280 §6.1.3 (a)(3)', 'a certificate of the path is known to be revoked');
// The share of the work that may go into constraints before it is known who made them: any number of strangers can claim to be a CA of the path.
const FORESIGHT = 0.25;
// Without a bound there could always be another CRL signer of a CRL signer.
const MAX_CRL_SIGNERS = 3;

/**
 * One validation: the search for a path, and the checks of each path that is found. It searches twice: first only through certificates that could stand in a
 * valid path, so that expired and unfit ones cost nothing, and when that finds no path at all, through the others as well, to say what is wrong with them.
 */
export class PathValidation {
  readonly work: WorkBudget;
  readonly #pool: CandidatePool;
  readonly #tools: PathTools;
  readonly #status: CrlStatus;
  readonly #fit = new Map<Candidate, boolean>();
  readonly #foresight: WorkBudget;
  #signersOpen = 0;
  #failure: PathFailure | undefined;

  constructor(readonly input: ValidationInput) {
    const { leaf, intermediates, anchors, crls, rules } = input;
    const { workShare = 1 } = input;
    this.work = new WorkBudget(workShare);
    this.#foresight = new WorkBudget(workShare * FORESIGHT);
    const signatures = new SignatureChecks(this.work);
    this.#pool = new CandidatePool(intermediates, anchors, signatures);
    this.#tools = { signatures, nameConstraints: new NameConstraintChecks(this.work), peerNames: new Map() };
    const serialNumbers = new Set([leaf, ...intermediates, ...anchors].map(({ serialNumber }) => serialNumber));
    const issuers = new CrlIssuers(this.#pool, (signer, anchor) => this.#isTrustedSigner(signer, anchor));
    this.#status = new CrlStatus(crls, serialNumbers, rules.time, issuers);
  }

  run(): ValidatedPath | PathFailure {
    const anchors = this.#pool.anchors;
    try {
      const fit = new PathSearch(this.#pool, { anchors, admits: (one) => this.#isFit(one), heedsPathLength: true });
      const found = this.#search(fit, MAX_PATHS);
      if (found) return found;
      if (!this.#sawPath) {
        const all = new PathSearch(this.#pool, { anchors, admits: () => true, heedsPathLength: false });
        const after = this.#search(all, MAX_UNFIT_PATHS);
        if (after) return after;
        if (all.dead) this.#note(failureOf(all.dead.problem, all.dead.certificate, all.dead.depth));
      }
    } catch (error) {
      if (!(error instanceof WorkLimitReached)) throw error;
      this.#note(
        failureOf(
          defect('work_limit', 'RFC 4158 §2.4', `the search for a path ran out of ${error.message}`),
          undefined,
        ),
      );
    }
    return this.#failure ?? failureOf(NO_ISSUER, this.input.leaf);
  }

  #search(search: PathSearch, limit: number): ValidatedPath | undefined {
    const { leaf, rules } = this.input;
    let left = limit;
    for (const path of search.paths(leaf)) {
      const result = checkPath(path, rules, this.#tools, (valid) => this.#revocationFailure(valid));
      if (result instanceof ValidatedPath) return result;
      this.#note(result);
      if (isLeafsOwn(result)) return undefined;
      if (--left === 0) throw new WorkLimitReached('paths');
    }
    return undefined;
  }

  #revocationFailure(path: CandidatePath): PathFailure | undefined {
    const { revocationRequired, accepts } = this.input;
    const failure = this.#status.failure(path, revocationRequired);
    return failure ?? (accepts?.(path) === false ? failureOf(NOT_ACCEPTED, undefined) : undefined);
  }

  /** Whether a whole path was checked: its failure says more than a search among unfit certificates could. */
  get #sawPath(): boolean {
    return this.#failure !== undefined && STAGE[this.#failure.code] > STAGE.bad_signature;
  }

  #note(failure: PathFailure): void {
    this.#failure = furthest(this.#failure, failure);
  }

  /** Whether a certificate could stand above this leaf in a valid path, whatever else is in it. */
  #isFit(candidate: Candidate): boolean {
    let fit = this.#fit.get(candidate);
    if (fit === undefined) {
      const { certificate, isAnchor } = candidate;
      const { rules } = this.input;
      const role = isAnchor ? 'anchor' : 'intermediate';
      fit =
        this.#isSound(candidate) &&
        !(asksForProfile(rules) && profileDefect(certificate, role)) &&
        !extendedKeyUsageDefect(certificate, role, rules.purposes, false) &&
        !this.#isBarred(certificate);
      this.#fit.set(candidate, fit);
    }
    return fit;
  }

  /** Whether the constraints of `ca` forbid the leaf. False when that is too much work to find out now, as a whole path is checked again. */
  #isBarred(ca: Certificate): boolean {
    if (!ca.extensions.nameConstraints) return false;
    try {
      return this.#tools.nameConstraints.check(ca, this.input.leaf, this.#foresight) !== undefined;
    } catch (error) {
      if (error instanceof WorkLimitReached) return false;
      throw error;
    }
  }

  #isSound({ certificate, isAnchor }: Candidate): boolean {
    return (
      !dateDefect(certificate, this.input.rules.time) &&
      !certificateDefect(certificate, isAnchor ? 'anchor' : 'intermediate')
    );
  }

  /** RFC 5280 §6.3.3 (f): the path of a CRL's signer, to the same anchor, by §6.1 and without the purposes and names of the leaf. */
  #isTrustedSigner(signer: Certificate, anchor: Certificate): boolean {
    if (this.#signersOpen === MAX_CRL_SIGNERS) return false;
    this.#signersOpen++;
    const anchors = this.#pool.anchors.filter(({ certificate }) => certificate === anchor);
    const search = new PathSearch(this.#pool, { anchors, admits: (one) => this.#isSound(one), heedsPathLength: true });
    const rules: PathRules = { ...this.input.rules, purposes: [], names: [], policies: {}, possessionProven: true };
    let left = MAX_PATHS;
    let trusted = false;
    for (const path of search.paths(signer)) {
      if (left-- === 0) break;
      trusted = !pathFailure(path, rules, this.#tools) && !this.#status.failure(path, this.input.revocationRequired);
      if (trusted) break;
    }
    this.#signersOpen--;
    return trusted;
  }
}
