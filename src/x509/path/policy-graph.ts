import type { Certificate } from '../certificate.js';
import { Oid } from '../oids.js';
import { isSelfIssued } from './certificate-rules.js';
import { defect, type Defect } from './path-failure.js';
import type { WorkBudget } from './work-budget.js';

/** The inputs (c), (e), (f) and (g) of RFC 5280 §6.1.1. */
export interface PolicyInputs {
  /** user-initial-policy-set as OIDs; absent, or with anyPolicy in it, any policy will do. */
  readonly initialPolicySet?: readonly string[] | undefined;
  readonly initialExplicitPolicy?: boolean | undefined;
  readonly initialPolicyMappingInhibit?: boolean | undefined;
  readonly initialAnyPolicyInhibit?: boolean | undefined;
}

interface PolicyNode {
  readonly policy: string;
  readonly parents: readonly PolicyNode[];
  expected: ReadonlySet<string>;
}

type Level = Map<string, PolicyNode>;

/**
 * Certificate policies along one path by the valid policy graph of RFC 9618, which replaces the tree of RFC 5280 §6.1.2 (a): one node for each
 * policy at each depth, so that mappings cannot make it grow exponentially. Feed it the certificates from below the anchor to the leaf.
 */
export class PolicyGraph {
  #level: Level | undefined = new Map([[Oid.anyPolicy, nodeOf(Oid.anyPolicy, [])]]);
  #explicitPolicy: number;
  #policyMapping: number;
  #inhibitAnyPolicy: number;

  /** `length`: certificates in the path, the anchor apart. */
  constructor(
    readonly inputs: PolicyInputs,
    length: number,
    readonly work: WorkBudget,
  ) {
    this.#explicitPolicy = inputs.initialExplicitPolicy ? 0 : length + 1;
    this.#policyMapping = inputs.initialPolicyMappingInhibit ? 0 : length + 1;
    this.#inhibitAnyPolicy = inputs.initialAnyPolicyInhibit ? 0 : length + 1;
  }

  /**
   * Applies RFC 9618 §5.3 (RFC 5280 §6.1.3 d–f), then to a CA §5.4 (§6.1.4 a, b, h–j) and to the last certificate §5.5 (§6.1.5 a, b, g).
   * Throws WorkLimitReached.
   */
  process(certificate: Certificate, last: boolean): Defect | undefined {
    this.#level = this.#nextLevel(certificate, last);
    if (this.#explicitPolicy === 0 && !this.#level) return noPolicy('RFC 9618 §5.3');
    return last ? this.#wrapUp(certificate) : this.#prepareForNext(certificate);
  }

  #nextLevel(certificate: Certificate, last: boolean): Level | undefined {
    const policies = certificate.extensions.certificatePolicies;
    if (!policies || !this.#level) return undefined;
    const byExpected = this.#nodesByExpected(this.#level);
    const any = this.#level.get(Oid.anyPolicy);
    const next: Level = new Map();
    const add = (policy: string, parents: readonly PolicyNode[]): void => {
      this.work.step(1 + parents.length);
      next.set(policy, nodeOf(policy, parents));
    };
    for (const policy of policies) {
      if (policy === Oid.anyPolicy) continue;
      const parents = byExpected.get(policy) ?? (any && [any]);
      if (parents) add(policy, parents);
    }
    if (policies.includes(Oid.anyPolicy) && (this.#inhibitAnyPolicy > 0 || (!last && isSelfIssued(certificate))))
      for (const [policy, parents] of byExpected) if (!next.has(policy)) add(policy, parents);
    return next.size > 0 ? next : undefined;
  }

  #nodesByExpected(level: Level): Map<string, PolicyNode[]> {
    const byExpected = new Map<string, PolicyNode[]>();
    for (const node of level.values())
      for (const policy of node.expected) {
        this.work.step();
        const nodes = byExpected.get(policy);
        if (nodes) nodes.push(node);
        else byExpected.set(policy, [node]);
      }
    return byExpected;
  }

  #prepareForNext(certificate: Certificate): Defect | undefined {
    const { policyMappings, policyConstraints, inhibitAnyPolicy } = certificate.extensions;
    for (const { issuerDomainPolicy, subjectDomainPolicy } of policyMappings ?? [])
      if (issuerDomainPolicy === Oid.anyPolicy || subjectDomainPolicy === Oid.anyPolicy)
        return defect('policy', 'RFC 5280 §6.1.4 (a)', 'anyPolicy is mapped');
    if (policyMappings) this.#map(policyMappings);
    if (!isSelfIssued(certificate)) {
      this.#explicitPolicy = Math.max(0, this.#explicitPolicy - 1);
      this.#policyMapping = Math.max(0, this.#policyMapping - 1);
      this.#inhibitAnyPolicy = Math.max(0, this.#inhibitAnyPolicy - 1);
    }
    this.#explicitPolicy = Math.min(this.#explicitPolicy, policyConstraints?.requireExplicitPolicy ?? Infinity);
    this.#policyMapping = Math.min(this.#policyMapping, policyConstraints?.inhibitPolicyMapping ?? Infinity);
    this.#inhibitAnyPolicy = Math.min(this.#inhibitAnyPolicy, inhibitAnyPolicy ?? Infinity);
    return undefined;
  }

  #map(mappings: readonly { readonly issuerDomainPolicy: string; readonly subjectDomainPolicy: string }[]): void {
    const level = this.#level;
    if (!level) return;
    const expected = new Map<string, Set<string>>();
    for (const { issuerDomainPolicy, subjectDomainPolicy } of mappings) {
      const subjects = expected.get(issuerDomainPolicy);
      if (subjects) subjects.add(subjectDomainPolicy);
      else expected.set(issuerDomainPolicy, new Set([subjectDomainPolicy]));
    }
    const any = level.get(Oid.anyPolicy);
    for (const [policy, subjects] of expected) {
      const node = level.get(policy);
      if (this.#policyMapping === 0) level.delete(policy);
      else if (node) node.expected = subjects;
      else if (any) level.set(policy, { ...nodeOf(policy, any.parents), expected: subjects });
    }
    if (level.size === 0) this.#level = undefined;
  }

  #wrapUp(certificate: Certificate): Defect | undefined {
    if (this.#explicitPolicy > 0) this.#explicitPolicy--;
    if (certificate.extensions.policyConstraints?.requireExplicitPolicy === 0) this.#explicitPolicy = 0;
    if (this.#explicitPolicy > 0) return undefined;
    const { initialPolicySet = [Oid.anyPolicy] } = this.inputs;
    const policies = this.#anchorPolicies();
    const acceptable = initialPolicySet.includes(Oid.anyPolicy)
      ? policies.size > 0
      : policies.has(Oid.anyPolicy)
        ? initialPolicySet.length > 0
        : initialPolicySet.some((policy) => policies.has(policy));
    return acceptable ? undefined : noPolicy('RFC 9618 §5.5');
  }

  /** The policies of the last level in the words of the anchor's own domain: those of the uppermost nodes on the way there that are not anyPolicy. */
  #anchorPolicies(): ReadonlySet<string> {
    const policies = new Set<string>();
    const seen = new Set<PolicyNode>();
    const waiting = [...(this.#level?.values() ?? [])];
    if (this.#level?.has(Oid.anyPolicy)) policies.add(Oid.anyPolicy);
    for (let node = waiting.pop(); node; node = waiting.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      this.work.step(1 + node.parents.length);
      if (node.policy !== Oid.anyPolicy && node.parents.some(({ policy }) => policy === Oid.anyPolicy))
        policies.add(node.policy);
      waiting.push(...node.parents);
    }
    return policies;
  }
}

const nodeOf = (policy: string, parents: readonly PolicyNode[]): PolicyNode => ({
  policy,
  parents,
  expected: new Set([policy]),
});

const noPolicy = (rule: string): Defect =>
  defect('policy', rule, 'no certificate policy is valid for the whole path, and one is required');
