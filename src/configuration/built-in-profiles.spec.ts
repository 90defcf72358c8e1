import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../../test/support/folder.js';
import { readBuiltInProfiles } from './built-in-profiles.js';

const written = (text: string): string => {
  const file = join(temporaryFolder(), 'profiles.yaml');
  writeFileSync(file, text);
  return file;
};

test('the profiles that ship', () => {
  expect(readBuiltInProfiles().map(({ name }) => name)).toEqual([
    'server',
    'client',
    'service',
    'spiffe',
    'intermediate',
    'ocsp-responder',
    'crl-issuer',
  ]);
});

test.each([
  [
    'profiles:\n  - name: server\n    purposes: [serverAuth]\n    lifetime: 2d\n    maximumLifetime: 1d\n',
    ':4): saw "2d"; allowed is at most maximumLifetime',
  ],
  [
    'profiles:\n  - name: server\n    kind: crl-issuer\n',
    ':3): saw "crl-issuer"; allowed is end-entity for the name server',
  ],
  [
    'profiles:\n  - name: crl-issuer\n    kind: crl-issuer\n    mustStaple: true\n',
    ':4): saw true; allowed is nothing: it is for the kind end-entity',
  ],
  [
    'profiles:\n  - name: intermediate\n    kind: intermediate\n    maximumLifetime: 365d\n    noRevocation: true\n',
    ':5): saw true; allowed is nothing: it is for the kind end-entity',
  ],
  [
    'profiles:\n  - name: x\n    purposes: [clientAuth]\n    maximumLifetime: 1d\n    noRevocation: true\n    mustStaple: true\n',
    ':6): saw true; allowed is not with noRevocation, and only with the purpose serverAuth',
  ],
  [
    'profiles:\n  - name: x\n    purposes: [clientAuth]\n    keyTypes: [Ed25519]\n    keyUsages: [digitalSignature, keyEncipherment, keyAgreement]\n',
    'allowed is keyEncipherment only with RSA among keyTypes, and keyAgreement only with P-256, P-384, P-521 among keyTypes',
  ],
  [
    'profiles:\n  - name: intermediate\n    kind: intermediate\n    nameConstraints:\n      permit: [DNS:a.example,\n        DNS:b.example]\n      exclude: [DNS:b.example]\n',
    ':6): saw "DNS:b.example"; allowed is a subtree that is not within DNS:b.example, which is excluded',
  ],
  ['profile: []\n', ':1): is not a setting; did you mean profiles?'],
  ['profiles: [\n', 'is not the YAML expected here'],
])('%j stops the start with the line', (text, said) => {
  expect(() => readBuiltInProfiles(written(text))).toThrow(said);
});

test('so does a file that is not there', () => {
  expect(() => readBuiltInProfiles(join(temporaryFolder(), 'profiles.yaml'))).toThrow(/profiles\.yaml: cannot be read/);
});
