import { expect, test } from '@jest/globals';
import { checkName } from './registered-name.js';
import { allowedWith, checkTerms, type ServiceTerms } from './service-terms.js';

const PIN = 'a'.repeat(64);

test.each([
  '',
  '*',
  '-a',
  'a-',
  'a*b',
  'a**',
  'a/b',
  'a'.repeat(254),
  `${'a'.repeat(253)}*`,
  'a\u0000',
  'spiffe://',
  'spiffe://*',
  'spiffe://Example.org/a',
  'spiffe://example.org/',
  'spiffe://example.org/a*',
  'spiffe://example.org/*/a',
  'spiffe://example.org//*',
  'spiffe://example.org/../*',
  'spiffe://example.org/%61',
  `spiffe://example.org/${'a'.repeat(2048)}`,
])('%j is no name of an entry', (name) => {
  expect(() => checkName(name)).toThrow(expect.objectContaining({ code: 'registry_name_malformed', status: 400 }));
});

test.each([
  ['a', undefined],
  ['A.b_c-9', undefined],
  ['a'.repeat(64), undefined],
  ['team-*', 'team-'],
  ['spiffe://example.org', undefined],
  ['spiffe://example.org/ns/a', undefined],
  ['spiffe://example.org/*', 'spiffe://example.org/'],
])('%j is one', (name, prefix) => {
  expect(checkName(name)).toEqual(prefix === undefined ? { kind: 'exact' } : { kind: 'pattern', prefix });
});

test.each<Partial<ServiceTerms>>([
  { roles: ['root'] },
  { roles: ['__proto__'] },
  { pins: [PIN] },
  { pins: [PIN, PIN] },
  { pins: [PIN, 'A'.repeat(64)] },
  { validFrom: 2, validUntil: 2 },
  { validFrom: Number.NaN },
  { validFrom: -1 },
  { validUntil: Date.UTC(10_000, 0, 1) },
  { rate: { perSecond: 0, burst: 1 } },
  { rate: { perSecond: 1, burst: 1.5 } },
  { rate: { perSecond: 1, burst: 86_401 } },
  { note: 'a\nb' },
  { note: 'a\ud800b' },
  { note: 'a'.repeat(501) },
  { state: 'shadow' },
  { tries: 'denied' },
])('%j are no terms', (terms) => {
  expect(() => checkTerms({ ...allowedWith([]), ...terms }, ['admin'])).toThrow(
    expect.objectContaining({ code: 'registry_terms_malformed', status: 400 }),
  );
});

test('equal terms get one form', () => {
  const backup = 'b'.repeat(64);
  const written = { ...allowedWith(['admin', 'auditor', 'admin']), pins: [backup, PIN, backup], note: '' };
  const proven = { ...allowedWith(['admin', 'auditor']), pins: [PIN, backup], note: null };
  expect(JSON.stringify(checkTerms(written, ['auditor', 'admin']))).toBe(JSON.stringify(proven));
});
