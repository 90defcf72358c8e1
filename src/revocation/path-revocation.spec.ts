import { expect, test } from '@jest/globals';
import { write } from '../der/index.js';
import { TestCa } from '../testing/index.js';
import { Oid, type Certificate } from '../x509/index.js';
import { lossOf, revocationOf } from './path-revocation.js';
import type { RevocationAnswer } from './revocation-status.js';

const root = TestCa.root();
const issuing = root.intermediate();
const extensions = [{ oid: Oid.noRevAvail, critical: false, value: write.nullElement() }];
const [leaf, brief] = [issuing.issue(), issuing.issue({ extensions })].map(({ certificate }) => certificate) as [
  Certificate,
  Certificate,
];

const good = (minute?: number): RevocationAnswer => ({
  status: 'good',
  source: 'CRL',
  ...(minute !== undefined && { until: new Date(minute * 60_000) }),
});
const unknown: RevocationAnswer = { status: 'unknown', source: 'CRL', why: 'no CRL' };
const revoked: RevocationAnswer = {
  status: 'revoked',
  source: 'CRL',
  revocationDate: new Date(0),
  reason: 'superseded',
};

/** What is made of a path whose leaf and CA are answered so. */
function pathOf(answers: readonly [RevocationAnswer, RevocationAnswer], certificate = leaf) {
  const path = [certificate, issuing.certificate, root.certificate];
  const statusOf = (asked: Certificate, issuer: Certificate): RevocationAnswer => {
    expect(path.indexOf(issuer)).toBe(path.indexOf(asked) + 1);
    return answers[path.indexOf(asked)]!;
  };
  return revocationOf(path, { epoch: 0, statusOf }, new Date());
}

test('a path is good until the first of its answers ends', () => {
  const ends = [
    [good(2), good(3)],
    [good(3), good(2)],
    [good(2), good()],
    [good(), good(2)],
    [unknown, good(2)],
  ] as const;
  for (const answers of ends) expect(pathOf(answers).goodUntil).toBe(120_000);
  expect(pathOf([good(), good()]).goodUntil).toBe(Infinity);
});

test('a path is refused for whichever is revoked, and when that fails hard for whichever is unknown', () => {
  const lost = (answers: readonly [RevocationAnswer, RevocationAnswer], certificate = leaf) =>
    (['hard-fail', 'soft-fail'] as const).map((mode) => lossOf(pathOf(answers, certificate), mode)?.certificate);
  const ca = issuing.certificate;
  expect(lost([good(), good()])).toEqual([undefined, undefined]);
  expect(lost([revoked, good()])).toEqual([leaf, leaf]);
  expect(lost([unknown, revoked])).toEqual([ca, ca]);
  expect(lost([unknown, good()])).toEqual([leaf, undefined]);
  expect(lost([good(), unknown])).toEqual([ca, undefined]);
});

test('a leaf may say that it needs no status (RFC 9608 §4), for itself and not for its CA', () => {
  const lost = (...answers: [RevocationAnswer, RevocationAnswer]) =>
    lossOf(pathOf(answers, brief), 'hard-fail')?.certificate;
  expect(lost(unknown, good())).toBeUndefined();
  expect(lost(revoked, good())).toBe(brief);
  expect(lost(unknown, unknown)).toBe(issuing.certificate);
});
