import type { Certificate } from '../certificate.js';
import { certificateDefect, dateDefect, isSelfIssued, type Role } from './certificate-rules.js';
import { usabilityDefect } from './key-policy.js';
import { extendedKeyUsageDefect, leafKeyUsageDefect } from './extended-key-usage.js';
import type { NameConstraintChecks } from './name-constraints.js';
import { defect, failureOf, type Defect, type PathFailure } from './path-failure.js';
import type { CandidatePath } from './path-search.js';
import { peerNameDefect, type PeerName } from './peer-names.js';
import { PolicyGraph, type PolicyInputs } from './policy-graph.js';
import type { SignatureChecks } from './signature-checks.js';
import { profileDefect } from './strict-profile.js';

/** What a path is checked against, apart from trust and revocation. */
export interface PathRules {
  readonly time: Date;
  /** OIDs. */
  readonly purposes: readonly string[];
  readonly extendedKeyUsageRequired: boolean;
  readonly possessionProven: boolean;
  readonly names: readonly PeerName[];
  readonly maxPathLength: number;
  readonly policies: PolicyInputs;
}

/** What remembers work that was done for other candidate paths of the same call. */
export interface PathTools {
  readonly signatures: SignatureChecks;
  readonly nameConstraints: NameConstraintChecks;
  /** What {@link peerNameDefect} says of the leaf, which is the same in each path. */
  readonly peerNames: Map<Certificate, Defect | undefined>;
}

/** Whether the issuing profile of RFC 5280 §4 is asked for as well: a purpose, or a name, is what somebody asks of a peer. */
export const asksForProfile = ({ purposes, names }: PathRules): boolean => purposes.length > 0 || names.length > 0;

const roleAt = (index: number, path: CandidatePath): Role =>
  index === 0 ? 'leaf' : index === path.length - 1 ? 'anchor' : 'intermediate';

/**
 * Checks a path whose signatures and names chain, including the anchor's certificate: RFC 5280 §6.1.3–§6.1.5 without revocation. The order is constraints,
 * dates, purposes, peer names, so that what is said about a certificate tells a stranger nothing. Undefined when everything holds. Throws WorkLimitReached.
 */
export function pathFailure(path: CandidatePath, rules: PathRules, tools: PathTools): PathFailure | undefined {
  tools.signatures.work.step(2 * path.length);
  return (
    firstFailure(path, (certificate, index) => roleDefect(certificate, index, path, rules, tools)) ??
    lengthFailure(path, rules) ??
    nameConstraintFailure(path, tools) ??
    policyFailure(path, rules, tools) ??
    firstFailure(path, (certificate) => dateDefect(certificate, rules.time)) ??
    firstFailure(path, (certificate, index) => usageDefect(certificate, roleAt(index, path), rules)) ??
    firstFailure([path[0]], (certificate) => expectedNameDefect(certificate, rules, tools)) ??
    (rules.possessionProven ? undefined : firstFailure([path[0]], ({ publicKey }) => usabilityDefect(publicKey)))
  );
}

/** Whether the leaf by itself breaks the rule that `failure` names, in whatever path: then there is no use in looking for another. */
export function isLeafsOwn({ code, certificate }: PathFailure): boolean {
  return (
    certificate?.index === 0 &&
    code !== 'name_constraints' &&
    code !== 'policy' &&
    code !== 'revocation_unknown' &&
    code !== 'bad_signature'
  );
}

/** From the anchor down, as §6.1 processes a path. */
function firstFailure(
  path: CandidatePath,
  check: (certificate: Certificate, index: number) => Defect | undefined,
): PathFailure | undefined {
  for (let index = path.length - 1; index >= 0; index--) {
    const certificate = path[index];
    const problem = certificate && check(certificate, index);
    if (problem) return failureOf(problem, certificate, index);
  }
  return undefined;
}

function roleDefect(
  certificate: Certificate,
  index: number,
  path: CandidatePath,
  rules: PathRules,
  { signatures }: PathTools,
): Defect | undefined {
  const role = roleAt(index, path);
  // An anchor that is itself to be validated has to be a CA all the same: no leaf is trusted merely for being listed.
  const problem = certificateDefect(certificate, index === path.length - 1 ? 'anchor' : role);
  if (problem) return problem;
  if (role === 'anchor' && certificate.version < 3 && !signatures.verify(certificate, certificate.publicKey))
    return defect('not_a_ca', 'RFC 5280 §6.1.4 (k)', 'an anchor before version 3 is not self-signed');
  return asksForProfile(rules) ? profileDefect(certificate, role) : undefined;
}

/** RFC 5280 §6.1.4 (l), (m): self-issued certificates and the last one are not counted. The anchor's own limit holds as well (RFC 5937 §3.2). */
function lengthFailure(path: CandidatePath, { maxPathLength }: PathRules): PathFailure | undefined {
  let left = maxPathLength;
  return firstFailure(path, (certificate, index) => {
    if (index === 0) return undefined;
    if (index < path.length - 1 && !isSelfIssued(certificate) && --left < 0)
      return defect('path_too_long', 'RFC 5280 §6.1.4 (l)', 'a path length constraint above allows no further CA');
    left = Math.min(left, certificate.extensions.basicConstraints?.pathLenConstraint ?? Infinity);
    return undefined;
  });
}

/** RFC 5280 §6.1.3 (b), (c). The anchor's constraints hold as well (RFC 5937 §3.2); its own names are not constrained. */
function nameConstraintFailure(path: CandidatePath, { nameConstraints }: PathTools): PathFailure | undefined {
  const constraining: Certificate[] = [];
  return firstFailure(path, (certificate, index) => {
    if (index === 0 || !isSelfIssued(certificate))
      for (const ca of constraining) {
        const problem = nameConstraints.check(ca, certificate);
        if (problem) return problem;
      }
    if (index === 0 || !certificate.extensions.nameConstraints) return undefined;
    constraining.push(certificate);
    return nameConstraints.constraintsDefect(certificate);
  });
}

function policyFailure(
  path: CandidatePath,
  { policies }: PathRules,
  { signatures }: PathTools,
): PathFailure | undefined {
  const graph = new PolicyGraph(policies, path.length - 1, signatures.work);
  return firstFailure(path, (certificate, index) =>
    index === path.length - 1 ? undefined : graph.process(certificate, index === 0),
  );
}

function expectedNameDefect(leaf: Certificate, { names }: PathRules, { peerNames }: PathTools): Defect | undefined {
  if (names.length === 0) return undefined;
  if (!peerNames.has(leaf)) peerNames.set(leaf, peerNameDefect(leaf, names));
  return peerNames.get(leaf);
}

function usageDefect(
  certificate: Certificate,
  role: Role,
  { purposes, extendedKeyUsageRequired }: PathRules,
): Defect | undefined {
  return (
    extendedKeyUsageDefect(certificate, role, purposes, extendedKeyUsageRequired) ??
    (role === 'leaf' ? leafKeyUsageDefect(certificate, purposes) : undefined)
  );
}
