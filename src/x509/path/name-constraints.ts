import type { Certificate } from '../certificate.js';
import { generalNameToString, type GeneralName, type GeneralNameKind } from '../general-name.js';
import { isEmptyName } from '../name.js';
import { Oid } from '../oids.js';
import { MalformedSubtree, stepsToRead, SubtreeIndex } from './name-subtrees.js';
import { defect, type Defect } from './path-failure.js';
import { WorkBudget } from './work-budget.js';

const RULE = 'RFC 5280 §4.2.1.10';

interface Constraints {
  readonly permitted: SubtreeIndex;
  readonly excluded: SubtreeIndex;
}

/**
 * Name constraints of one call. The subtrees of each CA are put into an index once, and each pair of CA and certificate is compared once, in however many
 * candidate paths it stands: the work grows with the sum of names and subtrees, and not with their product.
 *
 * The intersection and union of RFC 5280 §6.1.4 (g) need no state of their own: a name passes when it passes each CA above it.
 */
export class NameConstraintChecks {
  readonly #indexes = new Map<Certificate, Constraints | Defect>();
  readonly #results = new Map<Certificate, Map<Certificate, Defect | undefined>>();
  readonly #names = new Map<Certificate, readonly GeneralName[]>();

  constructor(readonly work: WorkBudget) {}

  /** Why the constraints of a CA cannot be applied at all, or undefined: a subtree of a form that RFC 5280 does not know refuses every path. */
  constraintsDefect(ca: Certificate): Defect | undefined {
    const constraints = this.#constraintsOf(ca, this.work);
    return 'code' in constraints ? constraints : undefined;
  }

  /** The first name of `certificate` that the constraints of `ca` forbid. `work` pays, by default the budget of the call. Throws WorkLimitReached. */
  check(ca: Certificate, certificate: Certificate, work = this.work): Defect | undefined {
    let results = this.#results.get(ca);
    if (!results) this.#results.set(ca, (results = new Map<Certificate, Defect | undefined>()));
    if (results.has(certificate)) return results.get(certificate);
    const constraints = this.#constraintsOf(ca, work);
    const result = 'code' in constraints ? constraints : this.#compare(constraints, certificate, work);
    results.set(certificate, result);
    return result;
  }

  #compare(constraints: Constraints, certificate: Certificate, work: WorkBudget): Defect | undefined {
    // Long names take longer to read.
    work.step(certificate.der.length >> 8);
    return firstForbidden(constraints, this.#namesOf(certificate), work);
  }

  #constraintsOf(ca: Certificate, work: WorkBudget): Constraints | Defect {
    let index = this.#indexes.get(ca);
    if (!index) this.#indexes.set(ca, (index = indexOf(ca, work)));
    return index;
  }

  #namesOf(certificate: Certificate): readonly GeneralName[] {
    let names = this.#names.get(certificate);
    if (!names) this.#names.set(certificate, (names = constrainedNames(certificate)));
    return names;
  }
}

/**
 * Why the constraints of one of `authorities` forbid a DNS name that is not in the subjectAltName, where RFC 5280 has none constrained: a common name that
 * somebody takes for the name of a host or a service. Undefined when they all allow it. A text that is no DNS name is not among those that are permitted.
 */
export function constraintAgainstDnsName(authorities: readonly Certificate[], value: string): string | undefined {
  for (const ca of authorities) {
    if (!ca.extensions.nameConstraints) continue;
    const work = new WorkBudget();
    const constraints = indexOf(ca, work);
    const problem = 'code' in constraints ? constraints : firstForbidden(constraints, [{ kind: 'dns', value }], work);
    if (problem) return problem.message;
  }
  return undefined;
}

function indexOf({ extensions }: Certificate, work: WorkBudget): Constraints | Defect {
  const { permittedSubtrees = [], excludedSubtrees = [] } = extensions.nameConstraints ?? {};
  for (const base of [...permittedSubtrees, ...excludedSubtrees]) work.step(stepsToRead(base));
  try {
    return { permitted: new SubtreeIndex(permittedSubtrees), excluded: new SubtreeIndex(excludedSubtrees) };
  } catch (error) {
    if (error instanceof MalformedSubtree) return defect('name_constraints', RULE, error.message);
    throw error;
  }
}

/** The first of `names` that is forbidden. Throws WorkLimitReached. */
function firstForbidden(
  { permitted, excluded }: Constraints,
  names: readonly GeneralName[],
  work: WorkBudget,
): Defect | undefined {
  for (const name of names) {
    const kinds = kindsOf(name);
    const isConstrainedBy = (subtrees: SubtreeIndex): boolean => {
      const constrains = kinds.some((kind) => subtrees.constrains(kind));
      work.step(constrains ? subtrees.stepsFor(name) : 1);
      return constrains;
    };
    if (isConstrainedBy(excluded) && excluded.couldHold(name))
      return defect('name_constraints', RULE, `${generalNameToString(name)} is excluded`);
    if (isConstrainedBy(permitted) && !permitted.holds(name))
      return defect('name_constraints', RULE, `${generalNameToString(name)} is not permitted`);
  }
  return undefined;
}

// RFC 9598 §6: constraints on rfc822Name apply to a mailbox in UTF-8 as well.
const kindsOf = (name: GeneralName): readonly GeneralNameKind[] =>
  name.kind === 'other' && name.type === Oid.smtpUtf8Mailbox ? ['other', 'email'] : [name.kind];

/** Every name that constraints apply to: the subject, the subjectAltNames, and the subject's e-mail addresses when no subjectAltName is one. */
function constrainedNames({ subject, extensions }: Certificate): readonly GeneralName[] {
  const alternative = extensions.subjectAltName ?? [];
  const emails = alternative.some(({ kind }) => kind === 'email')
    ? []
    : subject.rdns.flat().filter(({ type }) => type === Oid.emailAddress);
  return [
    ...(isEmptyName(subject) ? [] : [{ kind: 'directory' as const, value: subject }]),
    ...alternative,
    // One that is no text is no mailbox, and so neither permitted nor free.
    ...emails.map(({ value = '' }) => ({ kind: 'email' as const, value })),
  ];
}
