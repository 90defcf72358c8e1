import { describe, expect, it } from '@jest/globals';
import { write } from '../../der/index.js';
import { TestCa } from '../../testing/index.js';
import { encodeExtensionOf, Oid, type Certificate, type Extension } from '../index.js';
import { PolicyGraph, type PolicyInputs } from './policy-graph.js';
import { WorkBudget, WorkLimitReached } from './work-budget.js';

const root = TestCa.root();
const [A, B, C] = ['1.2.1', '1.2.2', '1.2.3'] as const;
const { anyPolicy } = Oid;

interface Policies {
  readonly policies?: readonly string[];
  readonly mappings?: readonly (readonly [string, string])[];
  readonly explicit?: number;
  readonly inhibitMapping?: number;
  readonly inhibitAny?: number;
  readonly selfIssued?: boolean;
}

let made = 0;

function certificate({ policies, mappings, explicit, inhibitMapping, inhibitAny, selfIssued }: Policies): Certificate {
  const extensions: Extension[] = [];
  if (policies) extensions.push(encodeExtensionOf.certificatePolicies(policies));
  if (mappings)
    extensions.push({
      oid: Oid.policyMappings,
      critical: true,
      value: write.sequence(...mappings.map(([from, to]) => write.sequence(write.oid(from), write.oid(to)))),
    });
  const limit = (number: number, value: number | undefined) =>
    value === undefined ? [] : [write.integer(value, 0x80 | number)];
  if (explicit !== undefined || inhibitMapping !== undefined)
    extensions.push({
      oid: Oid.policyConstraints,
      critical: true,
      value: write.sequence(...limit(0, explicit), ...limit(1, inhibitMapping)),
    });
  if (inhibitAny !== undefined)
    extensions.push({ oid: Oid.inhibitAnyPolicy, critical: true, value: write.integer(inhibitAny) });
  return root.intermediate({ commonName: selfIssued ? 'Test Root CA' : `CA ${made++}`, extensions }).certificate;
}

/** Whether a path of these certificates, from below the anchor to the leaf, has the policies that the inputs ask for. */
function accepts(path: readonly Policies[], inputs: PolicyInputs = {}): boolean {
  const graph = new PolicyGraph({ initialExplicitPolicy: true, ...inputs }, path.length, new WorkBudget());
  return path.every((one, i) => graph.process(certificate(one), i === path.length - 1) === undefined);
}

describe('the policy graph', () => {
  it.each<[string, readonly Policies[]]>([
    ['RFC 9618 §5.3', [{}, { policies: [A] }]],
    ['RFC 5280 §6.1.4 (a)', [{ policies: [A], mappings: [[A, anyPolicy]] }, { policies: [A] }]],
    ['RFC 9618 §5.5', [{ policies: [A] }, { policies: [B], explicit: 0 }]],
  ])('names the section that refuses: %s', (rule, path) => {
    const graph = new PolicyGraph({ initialExplicitPolicy: rule !== 'RFC 9618 §5.5' }, path.length, new WorkBudget());
    const refusals = path.map((one, i) => graph.process(certificate(one), i === path.length - 1)?.rule);
    expect(refusals.find((each) => each !== undefined)).toBe(rule);
  });

  it.each<[string, readonly Policies[], PolicyInputs, boolean]>([
    ['the same policy all along', [{ policies: [A] }, { policies: [A] }], { initialPolicySet: [A] }, true],
    ['another than asked for', [{ policies: [A] }, { policies: [A] }], { initialPolicySet: [B] }, false],
    ['none asked for by name', [{ policies: [A] }, { policies: [A] }], { initialPolicySet: [] }, false],
    ['nor by any name', [{ policies: [anyPolicy] }, { policies: [anyPolicy] }], { initialPolicySet: [] }, false],
    ['any will do', [{ policies: [A] }, { policies: [A] }], {}, true],
    ['no explicit policy needed', [{}, {}], { initialExplicitPolicy: false, initialPolicySet: [A] }, true],
    ['missing in the middle', [{ policies: [A] }, {}, { policies: [A] }], {}, false],
    ['anyPolicy passes on', [{ policies: [anyPolicy] }, { policies: [A] }], { initialPolicySet: [A] }, true],
    ['anyPolicy to the end', [{ policies: [anyPolicy] }, { policies: [anyPolicy] }], { initialPolicySet: [A] }, true],
    ['narrowed by anyPolicy below', [{ policies: [A] }, { policies: [anyPolicy] }], { initialPolicySet: [A] }, true],
    ['not widened by it', [{ policies: [A] }, { policies: [anyPolicy] }], { initialPolicySet: [B] }, false],
    ['anyPolicy inhibited', [{ policies: [A] }, { policies: [anyPolicy] }], { initialAnyPolicyInhibit: true }, false],
    [
      'inhibited from above, but self-issued',
      [{ policies: [A], inhibitAny: 0 }, { policies: [anyPolicy], selfIssued: true }, { policies: [A] }],
      {},
      true,
    ],
    ['mapped', [{ policies: [A], mappings: [[A, B]] }, { policies: [B] }], { initialPolicySet: [A] }, true],
    [
      "mapped, asked for in the subject's words",
      [{ policies: [A], mappings: [[A, B]] }, { policies: [B] }],
      { initialPolicySet: [B] },
      false,
    ],
    ['mapped away', [{ policies: [A], mappings: [[A, B]] }, { policies: [A] }], {}, false],
    [
      'mapped from anyPolicy present',
      [{ policies: [anyPolicy], mappings: [[A, B]] }, { policies: [B] }],
      { initialPolicySet: [A] },
      true,
    ],
    [
      'mapping inhibited',
      [{ policies: [A], mappings: [[A, B]] }, { policies: [B] }],
      { initialPolicyMappingInhibit: true },
      false,
    ],
    [
      'mapping inhibited, one policy left',
      [{ policies: [A, C], mappings: [[A, B]] }, { policies: [C] }],
      { initialPolicyMappingInhibit: true },
      true,
    ],
    ['anyPolicy mapped', [{ policies: [A], mappings: [[A, anyPolicy]] }, { policies: [A] }], {}, false],
    ['mapping without policies', [{ mappings: [[A, B]] }, { policies: [B] }], { initialExplicitPolicy: false }, true],
    ['explicit by a CA', [{ explicit: 0 }, {}], { initialExplicitPolicy: false }, false],
    ['explicit by a CA, later', [{ explicit: 2 }, {}], { initialExplicitPolicy: false }, true],
    ['explicit by the leaf', [{}, { explicit: 0 }], { initialExplicitPolicy: false }, false],
  ])('%s', (_, path, inputs, expected) => {
    expect(accepts(path, inputs)).toBe(expected);
  });

  it('does not grow exponentially: mappings of all on all', () => {
    const policies = Array.from({ length: 12 }, (_, i) => `1.3.${i}`);
    const mappings = policies.flatMap((from) => policies.map((to) => [from, to] as const));
    const path = [...Array.from({ length: 12 }, () => ({ policies, mappings })), { policies }];
    // A tree would have 12^12 leaves.
    expect(accepts(path, { initialPolicySet: ['1.3.0'] })).toBe(true);
  });

  it('stops at the budget', () => {
    const policies = Array.from({ length: 16 }, (_, i) => `1.3.${i}`);
    const mappings = policies.flatMap((from) => policies.map((to) => [from, to] as const));
    const one = certificate({ policies, mappings });
    const graph = new PolicyGraph({}, 1000, new WorkBudget());
    expect(() => {
      for (let i = 0; i < 1000; i++) graph.process(one, false);
    }).toThrow(WorkLimitReached);
  });
});
