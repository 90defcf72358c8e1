import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CaService, requestFor, type IssueRequest } from '../../src/pki/index.js';
import { generalNameFromString, generalNameToString } from '../../src/x509/index.js';
import { temporaryFolder } from '../support/folder.js';
import { startIn } from '../support/service.js';

const PROFILES = [
  {
    name: 'batch',
    purposes: ['clientAuth'],
    lifetime: '30m',
    maximumLifetime: '1h',
    keyTypes: ['P-256', 'RSA'],
    minimumRsaBits: 3072,
    names: { dns: ['.batch.example.org'], ip: [], uri: [] },
  },
];
let service: Awaited<ReturnType<typeof startIn>>;
beforeAll(async () => {
  service = await startIn(temporaryFolder(), { VERITAS_PKI_PROFILES: JSON.stringify(PROFILES) });
});
afterAll(() => service.close());

const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const issue = (profile: string, names: readonly string[] = [], more: Partial<IssueRequest> = {}, key = p256()) =>
  service.application.get(CaService, { strict: false }).issue({
    request: requestFor(key, 'worker'),
    profile,
    service: 'worker',
    names: names.map((text) => generalNameFromString(text)).filter((name) => name !== undefined),
    requester: { actor: 'test', requestId: 'test' },
    ...more,
  });

describe("a profile of the operator's own", () => {
  test('gives what it says', async () => {
    const { certificate } = await issue('batch', ['DNS:a.batch.example.org']);
    expect(certificate.notAfter.getTime() - certificate.notBefore.getTime()).toBe((30 * 60 + 60) * 1000);
    expect(certificate.extensions.subjectAltName?.map(generalNameToString)).toEqual([
      'DNS:worker',
      'DNS:a.batch.example.org',
    ]);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['another domain', () => issue('batch', ['DNS:batch.example.com']), 'name_not_allowed'],
    ['a kind of name that it does not give', () => issue('batch', ['IP:10.0.0.1']), 'name_not_allowed'],
    ['a longer life', () => issue('batch', [], { lifetime: 3601 }), 'lifetime_not_allowed'],
    [
      'another kind of key',
      () => issue('batch', [], {}, generateKeyPairSync('ed25519').privateKey),
      'public_key_not_allowed',
    ],
    [
      'a shorter RSA key',
      () => issue('batch', [], {}, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
      'public_key_not_allowed',
    ],
    ['a profile that is not there', () => issue('batch2'), 'profile_unknown'],
  ])('%s: refused', async (_, attempt, code) => {
    await expect(attempt()).rejects.toMatchObject({ code });
  });
});

describe('the profile spiffe', () => {
  test('has one SPIFFE ID and nothing else among its names', async () => {
    const { certificate } = await issue('spiffe', ['URI:spiffe://example.org/ns/prod/worker']);
    expect(certificate.extensions.subjectAltName?.map(generalNameToString)).toEqual([
      'URI:spiffe://example.org/ns/prod/worker',
    ]);
  });

  test.each([
    [[]],
    [['URI:spiffe://example.org/a', 'URI:spiffe://example.org/b']],
    [['URI:spiffe://example.org/a', 'DNS:worker.local']],
    [['URI:https://example.org/a']],
  ])('%j: refused', async (names) => {
    await expect(issue('spiffe', names)).rejects.toMatchObject({ code: 'name_not_allowed' });
  });
});

test.each<[string, object, RegExp]>([
  ['a lifetime over its maximum', { lifetime: '2h', maximumLifetime: '1h' }, /pki\.profiles.*lifetime/s],
  ['an unknown purpose', { purposes: ['codeSigning'] }, /pki\.profiles.*purposes/s],
  ['a rule that gives everything', { names: { dns: ['*'] } }, /pki\.profiles.*names/s],
  ['a SPIFFE profile that gives no URI', { identity: 'spiffe', names: { uri: [] } }, /needs a SPIFFE ID/],
  ['the name of a CA', { name: 'root' }, /not one of a CA/],
])('%s stops the start, and says where', async (_, change, message) => {
  const profiles = [{ ...PROFILES[0], ...change }];
  await expect(async () =>
    startIn(temporaryFolder(), { VERITAS_PKI_PROFILES: JSON.stringify(profiles) }),
  ).rejects.toThrow(message);
});
