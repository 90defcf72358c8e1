import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { generalNameFromString, type GeneralName } from '../../x509/index.js';
import { NameRules, type NameRuleTexts } from './name-rules.js';
import { readBuiltInProfiles } from '../../configuration/index.js';
import type { ProfileDefinition } from './profile-definition.js';
import { Profiles } from './profiles.js';

const name = (text: string): GeneralName => {
  const read = generalNameFromString(text);
  if (!read) throw new Error(text);
  return read;
};
const profilesWith = (...definitions: ProfileDefinition[]) =>
  new Profiles({ builtIn: readBuiltInProfiles(), own: definitions, serviceLifetime: 86_400 });
const own: ProfileDefinition = { name: 'own', purposes: ['clientAuth'], maximumLifetime: 3600 };

describe('the rules for names', () => {
  test.each<[NameRuleTexts, string, boolean]>([
    [{}, 'DNS:anything.example', true],
    [{ dns: [] }, 'DNS:anything.example', false],
    [{ dns: ['api.example.org'] }, 'DNS:api.example.org', true],
    [{ dns: ['api.example.org'] }, 'DNS:x.api.example.org', false],
    [{ dns: ['*.example.org'] }, 'DNS:api.example.org', true],
    [{ dns: ['*.example.org'] }, 'DNS:a.b.example.org', false],
    [{ dns: ['*.example.org'] }, 'DNS:example.org', false],
    [{ dns: ['*.example.org'] }, 'DNS:evilexample.org', false],
    [{ dns: ['.example.org'] }, 'DNS:a.b.example.org', true],
    [{ dns: ['.example.org'] }, 'DNS:example.org', false],
    [{ dns: ['.example.org'] }, 'DNS:evilexample.org', false],
    [{ dns: ['a.example', '.example.org'] }, 'DNS:b.example.org', true],
    [{ ip: ['10.0.0.0/8'] }, 'IP:10.255.0.1', true],
    [{ ip: ['10.0.0.0/8'] }, 'IP:11.0.0.1', false],
    [{ ip: ['10.0.0.0/9'] }, 'IP:10.128.0.1', false],
    [{ ip: ['10.0.0.7'] }, 'IP:10.0.0.7', true],
    [{ ip: ['10.0.0.7'] }, 'IP:10.0.0.8', false],
    [{ ip: ['0.0.0.0/0'] }, 'IP:fd00::1', false],
    [{ ip: ['fd00::/8'] }, 'IP:fd00::1', true],
    [{ uri: ['spiffe://*'] }, 'URI:spiffe://example.org/a', true],
    [{ uri: ['spiffe://*'] }, 'URI:https://example.org/a', false],
    [{ uri: ['spiffe://example.org/ns/*'] }, 'URI:spiffe://example.org/ns/a', true],
    [{ uri: ['spiffe://example.org/ns/*'] }, 'URI:spiffe://example.org.evil/ns/a', false],
    [{ uri: ['spiffe://example.org'] }, 'URI:spiffe://example.org/a', false],
  ])('%j: %s %j', (rules, text, given) => {
    expect(new NameRules(rules).firstRefused([name(text)])).toBe(given ? undefined : text);
  });

  test.each<NameRuleTexts>([
    { dns: ['*'] },
    { dns: ['**.example.org'] },
    { dns: ['api.*.org'] },
    { dns: ['Example.org'] },
    { dns: ['example.org.'] },
    { ip: ['10.0.0.0/33'] },
    { ip: ['10.0.0'] },
    { uri: ['https://example.org*'] },
    { uri: ['*'] },
  ])('%j is no rule', (rules) => {
    expect(() => new NameRules(rules)).toThrow(RangeError);
  });

  test('a rule for what is below a domain gives nothing that does not end in it', () => {
    const label = fc.stringMatching(/^[a-z]{1,5}$/);
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), fc.boolean(), (labels, deep) => {
        const text = labels.join('.');
        const rules = new NameRules({ dns: [deep ? '.a.b' : '*.a.b'] });
        const below = text.endsWith('.a.b') && (deep || labels.length === 3);
        expect(rules.firstRefused([{ kind: 'dns', value: text }]) === undefined).toBe(below);
      }),
      { numRuns: 500 },
    );
  });
});

const responder: ProfileDefinition = { name: 'ocsp-responder', kind: 'ocsp-responder', purposes: undefined };
const plant: ProfileDefinition = { name: 'intermediate-plant', kind: 'intermediate', purposes: undefined };

describe('profiles', () => {
  test('those that are built in, and the own ones before them', () => {
    const profiles = profilesWith(own, { ...own, name: 'server', maximumLifetime: 60 });
    expect(profiles.names).toEqual(['server', 'client', 'service', 'spiffe', 'ocsp-responder', 'crl-issuer', 'own']);
    expect(profiles.named('server')).toMatchObject({ lifetime: 60, maximumLifetime: 60 });
    expect(profiles.named('own')).toMatchObject({ lifetime: 3600, identity: 'service' });
    expect(Object.isFrozen(profiles.named('own'))).toBe(true);
    expect(() => profiles.named('__proto__')).toThrow(/there is no profile "__proto__"/);
  });

  test.each<[string, Partial<ProfileDefinition>]>([
    ['no purpose', { purposes: [] }],
    ['a lifetime over its maximum', { lifetime: 3601 }],
    ['no kind of key', { keyTypes: [] }],
    ['SPIFFE without a URI', { identity: 'spiffe', names: { uri: [] } }],
    ['the name of a CA', { name: 'issuing' }],
    ['the name of a responder', { name: 'ocsp-responder' }],
    ['the kind of a responder', { kind: 'ocsp-responder', purposes: undefined }],
    ['a responder of a year', { ...responder, maximumLifetime: 365 * 86_400 }],
    ['a responder with names', { ...responder, names: { dns: ['.example.org'] } }],
    ['a responder with a purpose', { ...responder, purposes: ['serverAuth'] }],
    ['a responder with requesters', { ...responder, requesters: [{ role: 'issuer', services: ['*'] }] }],
    ['a responder with key usages', { ...responder, keyUsages: ['digitalSignature'] }],
    ['key usages with which nobody authenticates', { keyUsages: ['keyAgreement'] }],
    ['a size of RSA keys where none is taken', { keyTypes: ['P-256'], minimumRsaBits: 3072 }],
    ['the name of a CA elsewhere', { name: 'intermediate-plant' }],
    ['a CA elsewhere by another name', { kind: 'intermediate', purposes: undefined }],
    ['a path that is too long', { ...plant, pathLength: 9 }],
    ['a path of less than nothing', { ...plant, pathLength: -1 }],
    ['a path of a part', { ...plant, pathLength: 1.5 }],
    ['a constraint that is none', { ...plant, nameConstraints: { permit: ['plant.example.org'] } }],
    [
      'a constraint within one that is excluded',
      { ...plant, nameConstraints: { permit: ['DNS:a.example', 'DNS:x.b.example'], exclude: ['DNS:b.example'] } },
    ],
    [
      'a constraint that is excluded as a whole',
      { ...plant, nameConstraints: { permit: ['DNS:a'], exclude: ['DNS:a'] } },
    ],
    ['no revocation for more than a week', { noRevocation: true, maximumLifetime: 7 * 86_400 + 1 }],
    ['no revocation, and its stapled proof', { purposes: ['serverAuth'], noRevocation: true, mustStaple: true }],
    ['stapling by clients', { mustStaple: true }],
    ['a name that is none', { name: 'Own Profile' }],
    ['a rule that is none', { names: { dns: ['*'] } }],
  ])('%s: refused', (_, change) => {
    expect(() => profilesWith({ ...own, ...change })).toThrow(RangeError);
  });

  test('those of CAs whose keys are elsewhere, and of who signs for the CA, are written as well', () => {
    const profiles = profilesWith(
      { ...responder, maximumLifetime: 86_400 },
      {
        ...plant,
        pathLength: 1,
        nameConstraints: { permit: ['DNS:plant.example.org'], exclude: ['IP:10.0.0.0/8'] },
      },
    );
    expect(profiles.named('ocsp-responder')).toMatchObject({ lifetime: 86_400, keyUse: 'responses' });
    expect(profiles.intermediate('intermediate')).toMatchObject({
      pathLenConstraint: undefined,
      lifetime: 157_680_000,
    });
    expect(profiles.intermediate('intermediate-plant')).toMatchObject({
      pathLenConstraint: 1,
      nameConstraints: {
        permittedSubtrees: [{ kind: 'dns', value: 'plant.example.org' }],
        excludedSubtrees: [{ kind: 'ip' }],
      },
    });
    expect(() => profiles.named('intermediate-plant')).toThrow(/is for a CA whose key is elsewhere/);
    expect(() => profiles.intermediate('server')).toThrow(/only intermediate, intermediate-plant/);
  });

  test('at the end of what is allowed', () => {
    const week = { ...own, noRevocation: true, maximumLifetime: 7 * 86_400, keyUsages: ['digitalSignature'] } as const;
    const profiles = profilesWith(
      week,
      { ...plant, pathLength: 8 },
      { ...plant, name: 'intermediate-0', pathLength: 0 },
    );
    expect(profiles.named('own')).toMatchObject({ maximumLifetime: 7 * 86_400, noRevocation: true });
    const lengths = ['intermediate-plant', 'intermediate-0'].map((each) => profiles.intermediate(each));
    expect(lengths.map(({ pathLenConstraint }) => pathLenConstraint)).toEqual([8, 0]);
  });

  test('of who signs for the CA give no names', () => {
    const { names } = profilesWith(responder).named('ocsp-responder');
    for (const text of ['DNS:a.example', 'IP:10.0.0.1', 'URI:spiffe://a.example/b'])
      expect(names.firstRefused([name(text)])).toBe(text);
  });

  test('two of one name are refused', () => {
    expect(() => profilesWith(own, own)).toThrow(/the same name/);
  });
});
