import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { validatePath, type PathResult } from '../../../src/x509/index.js';

interface Case {
  readonly id: string;
  readonly expect: 'valid' | 'invalid';
  readonly time: string;
  readonly revocationRequired: boolean;
  readonly leaf: string;
  readonly intermediates: readonly string[];
  readonly anchors: readonly string[];
  readonly crls: readonly string[];
}

/** Cases that are refused although PKITS calls them valid, with the reason. A wrong acceptance can have none. */
const EXCEPTIONS: ReadonlyMap<string, { readonly code: string; readonly reason: string }> = new Map([
  [
    '40104_valid_dsa_signatures_test4',
    { code: 'unsupported_algorithm', reason: 'DSA is not accepted (FIPS 186-5 withdrew it)' },
  ],
  [
    '40105_valid_dsa_parameter_inheritance_test5',
    { code: 'unsupported_algorithm', reason: 'DSA is not accepted (FIPS 186-5 withdrew it)' },
  ],
]);

const cases = readFileSync(join(import.meta.dirname, 'pkits.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);
const results = new Map(cases.map((one) => [one.id, run(one)]));

function run({ leaf, intermediates, anchors, crls, time, revocationRequired }: Case): PathResult {
  const octets = (list: readonly string[]): Buffer[] => list.map((text) => Buffer.from(text, 'base64'));
  return validatePath({
    leaf: Buffer.from(leaf, 'base64'),
    intermediates: octets(intermediates),
    anchors: octets(anchors),
    crls: octets(crls),
    time: new Date(time),
    revocationRequired,
  });
}

const passes = (one: Case): boolean => results.get(one.id)?.ok === (one.expect === 'valid');

describe('PKITS, NIST', () => {
  it('has all its cases', () => {
    expect(cases).toHaveLength(172);
    process.stdout.write(`PKITS: ${cases.filter(passes).length} of ${cases.length} passed\n`);
    for (const [id, { reason }] of EXCEPTIONS) process.stdout.write(`PKITS: not passed: ${id}: ${reason}\n`);
  });

  it('accepts nothing that is invalid', () => {
    expect(cases.filter((one) => one.expect === 'invalid' && results.get(one.id)?.ok).map(({ id }) => id)).toEqual([]);
  });

  it.each(cases.map((one) => [one.id, one] as const))('%s', (id, one) => {
    const result = results.get(id);
    const exception = EXCEPTIONS.get(id);
    if (exception) expect(result).toMatchObject({ ok: false, reason: { code: exception.code } });
    else expect([result?.ok ? 'valid' : 'invalid', result]).toEqual([one.expect, result]);
  });
});
