import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { generalNameFromString, type GeneralName } from '../../x509/index.js';
import { NameRules, type NameRuleTexts } from './name-rules.js';
import { Profiles, type ProfileDefinition } from './profiles.js';

const name = (text: string): GeneralName => {
  const read = generalNameFromString(text);
  if (!read) throw new Error(text);
  return read;
};
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

describe('profiles', () => {
  test('those that are built in, and the own ones before them', () => {
    const profiles = new Profiles([own, { ...own, name: 'server', maximumLifetime: 60 }], 86_400);
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
    ['no revocation for a year', { noRevocation: true, maximumLifetime: 31_536_000 }],
    ['no revocation, and its stapled proof', { purposes: ['serverAuth'], noRevocation: true, mustStaple: true }],
    ['stapling by clients', { mustStaple: true }],
    ['a name that is none', { name: 'Own Profile' }],
    ['a rule that is none', { names: { dns: ['*'] } }],
  ])('%s: refused', (_, change) => {
    expect(() => new Profiles([{ ...own, ...change }], 86_400)).toThrow(RangeError);
  });

  test('two of one name are refused', () => {
    expect(() => new Profiles([own, own], 86_400)).toThrow(/the same name/);
  });
});
