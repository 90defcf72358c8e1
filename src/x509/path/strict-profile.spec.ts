import { describe, expect, it } from '@jest/globals';
import { write } from '../../der/index.js';
import { TestCa, type TestCertificateOptions } from '../../testing/index.js';
import { encodeExtensionOf, encodeName, Oid, type Certificate, type Extension, type GeneralName } from '../index.js';
import type { Role } from './certificate-rules.js';
import { profileDefect } from './strict-profile.js';

const root = TestCa.root();
const issuing = root.intermediate();
const id = Buffer.from('0123456789', 'hex');
const critical = (extension: Extension, is = true): Extension => ({ ...extension, critical: is });
const dnsOf = (value: string): GeneralName => ({ kind: 'dns', value });
const dns = [dnsOf('a.example.com')];
const empty: readonly GeneralName[] = [
  dnsOf(''),
  dnsOf(' '),
  { kind: 'email', value: '' },
  { kind: 'uri', value: '' },
  { kind: 'directory', value: encodeName([]) },
];
const subtrees = { permittedSubtrees: dns, excludedSubtrees: [] };

const make: Readonly<Record<Role, (options: TestCertificateOptions) => Certificate>> = {
  leaf: (options) => issuing.issue(options).certificate,
  intermediate: (options) => root.intermediate(options).certificate,
  anchor: (options) => TestCa.root(options).certificate,
};

describe('the profile', () => {
  it.each<Role>(['leaf', 'intermediate', 'anchor'])('holds for what this CA issues: %s', (role) => {
    expect(profileDefect(make[role]({}), role)).toBeUndefined();
    expect(
      profileDefect(make[role](role === 'leaf' ? { names: dns } : { pathLenConstraint: 1 }), role),
    ).toBeUndefined();
  });

  it('lets a self-signed anchor say whose key it has as it likes, or not at all', () => {
    const extensions = [encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: id })];
    expect(profileDefect(make.anchor({ extensions }), 'anchor')).toBeUndefined();
    expect(profileDefect(make.anchor({ without: [Oid.authorityKeyIdentifier] }), 'anchor')).toBeUndefined();
  });

  it.each<[string, Role, TestCertificateOptions]>([
    ['§4.1.2.2', 'leaf', { serialNumber: Uint8Array.of(0) }],
    ['§4.1.2.2', 'leaf', { serialNumber: Buffer.alloc(20, 0xff) }],
    ['§4.1.2.4', 'anchor', { subject: encodeName([]) }],
    ['§4.1.2.6', 'intermediate', { subject: encodeName([]) }],
    ['§4.1.2.6', 'leaf', { subject: encodeName([]) }],
    ...empty.map((name): [string, Role, TestCertificateOptions] => ['§4.2.1.6', 'leaf', { names: [...dns, name] }]),
    ['§4.2.1.6', 'leaf', { subject: encodeName([]), names: dns }],
    ['§4.2.1.6', 'leaf', { extensions: [encodeExtensionOf.subjectAltName(dns, true)] }],
    ['§4.2.1.1', 'leaf', { extensions: [critical(encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: id }))] }],
    ['§4.2.1.1', 'leaf', { extensions: [encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: undefined })] }],
    ['§4.2.1.1', 'anchor', { extensions: [encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: undefined })] }],
    [
      '§4.2.1.1',
      'leaf',
      // keyIdentifier and authorityCertSerialNumber, without authorityCertIssuer.
      {
        extensions: [
          { oid: Oid.authorityKeyIdentifier, critical: false, value: Buffer.from('3006800101820101', 'hex') },
        ],
      },
    ],
    ['§4.2.1.1', 'leaf', { without: [Oid.authorityKeyIdentifier] }],
    ['§4.2.1.1', 'intermediate', { without: [Oid.authorityKeyIdentifier] }],
    ['§4.2.1.2', 'leaf', { extensions: [critical(encodeExtensionOf.subjectKeyIdentifier(id))] }],
    ['§4.2.1.2', 'intermediate', { without: [Oid.subjectKeyIdentifier] }],
    ['§4.2.1.2', 'anchor', { without: [Oid.subjectKeyIdentifier] }],
    [
      '§4.2.1.9',
      'anchor',
      { extensions: [critical(encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: undefined }), false)] },
    ],
    ['§4.2.1.9', 'leaf', { extensions: [encodeExtensionOf.basicConstraints({ cA: false, pathLenConstraint: 0 })] }],
    ['§4.2.1.9', 'intermediate', { pathLenConstraint: 0, extensions: [encodeExtensionOf.keyUsage([6])] }],
    ['§4.2.1.3', 'intermediate', { without: [Oid.keyUsage] }],
    ['§4.2.1.10', 'leaf', { extensions: [encodeExtensionOf.nameConstraints(subtrees)] }],
    ['§4.2.1.10', 'intermediate', { extensions: [critical(encodeExtensionOf.nameConstraints(subtrees), false)] }],
    [
      '§4.2.1.11',
      'intermediate',
      { extensions: [{ oid: Oid.policyConstraints, critical: false, value: Buffer.from('3003800103', 'hex') }] },
    ],
    [
      '§4.2.1.14',
      'intermediate',
      { extensions: [{ oid: Oid.inhibitAnyPolicy, critical: false, value: write.integer(0) }] },
    ],
  ])('%s of a %s', (section, role, options) => {
    expect(profileDefect(make[role](options), role)).toMatchObject({ code: 'profile', rule: `RFC 5280 ${section}` });
  });

  it('has no negative serial numbers', () => {
    const certificate = Object.create(make.leaf({}), { serialNumber: { value: '-01' } }) as Certificate;
    expect(profileDefect(certificate, 'leaf')).toMatchObject({ rule: 'RFC 5280 §4.1.2.2' });
  });

  it('has no unique identifiers', () => {
    const certificate = Object.create(make.leaf({}), { hasUniqueIdentifier: { value: true } }) as Certificate;
    expect(profileDefect(certificate, 'leaf')).toMatchObject({ rule: 'RFC 5280 §4.1.2.8' });
  });

  it('keeps CAs from posing as end entities', () => {
    expect(profileDefect(make.intermediate({}), 'leaf')).toMatchObject({ code: 'key_usage' });
    expect(profileDefect(make.leaf({ extensions: [encodeExtensionOf.keyUsage([0, 5])] }), 'leaf')).toMatchObject({
      code: 'key_usage',
    });
  });

  it('is lax with an anchor that has no keyUsage', () => {
    expect(profileDefect(make.anchor({ without: [Oid.keyUsage], pathLenConstraint: 1 }), 'anchor')).toBeUndefined();
  });
});
