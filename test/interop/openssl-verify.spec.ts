import { createPublicKey } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { write } from '../../src/der/index.js';
import { generateTestKeyPair, TestCa, type Issued, type TestCertificateOptions } from '../../src/testing/index.js';
import {
  encodeExtensionOf,
  encodeName,
  ipFromString,
  nameFrom,
  Oid,
  validatePath,
  type Extension,
  type GeneralName,
  type PathFailureCode,
} from '../../src/x509/index.js';
import { opensslVerify, opensslVersion } from '../support/openssl.js';

const now = new Date();
const days = (count: number): Date => new Date(now.getTime() + count * 86_400_000);
const dns = (value: string): GeneralName => ({ kind: 'dns', value });
const ip = (text: string): GeneralName => ({ kind: 'ip', value: ipFromString(text)! });
const critical = (extension: Extension, is: boolean): Extension => ({ ...extension, critical: is });
const constraints = (permitted: GeneralName[], excluded: GeneralName[] = []): Extension =>
  encodeExtensionOf.nameConstraints({ permittedSubtrees: permitted, excludedSubtrees: excluded });
const unknown: Extension = { oid: '1.2.3.4', critical: true, value: write.nullElement() };

interface Chain {
  readonly leaf: Issued;
  readonly cas?: readonly Issued[];
  readonly anchor?: Issued;
  readonly host?: string;
  readonly crls?: readonly Uint8Array[];
  readonly policy?: string;
  readonly time?: Date;
}

const root = TestCa.root();
const issuing = root.intermediate({ pathLenConstraint: 0 });
const names = [dns('orders.example.com'), ip('10.1.2.3')];
const good = issuing.issue({ names });

const ca = (options: TestCertificateOptions, leaf: TestCertificateOptions = { names }): Chain => {
  const made = root.intermediate(options);
  return { leaf: made.issue(leaf), cas: [made] };
};
const end = (options: TestCertificateOptions): Chain => ({
  leaf: issuing.issue({ names, ...options }),
  cas: [issuing],
});
const anchor = (options: TestCertificateOptions): Chain => {
  const made = TestCa.root(options);
  return { leaf: made.issue({ names }), anchor: made };
};
const revoking = (...crls: Uint8Array[]): Chain => ({ leaf: good, cas: [issuing], crls });

function deep(first: number, count: number): Chain {
  const cas = [root.intermediate({ commonName: 'CA 0', pathLenConstraint: first })];
  for (let i = 1; i < count; i++) cas.push(cas[i - 1]!.intermediate({ commonName: `CA ${i}` }));
  return { leaf: cas[count - 1]!.issue({ names }), cas };
}

function rolledOver(): Chain {
  const old = root.intermediate({ commonName: 'CA', pathLenConstraint: 0 });
  const rolled = old.intermediate({ commonName: 'CA', pathLenConstraint: 0 });
  return { leaf: rolled.issue({ names }), cas: [old, rolled] };
}

function crossed(): Chain {
  const other = TestCa.root({ commonName: 'Other Root' });
  const keyPair = { publicKey: createPublicKey(issuing.key), privateKey: issuing.key };
  return {
    leaf: good,
    cas: [root.intermediate({ keyPair, notBefore: days(-3), notAfter: days(-2) }), other.intermediate({ keyPair })],
    anchor: other,
  };
}

const policies = (...list: string[]) => ({ extensions: [encodeExtensionOf.certificatePolicies(list)] });

/** Each chain has one defect or none; `ours` is what we say to it. */
const CHAINS: readonly (readonly [string, PathFailureCode | 'ok', Chain])[] = [
  ['nothing wrong', 'ok', { leaf: good, cas: [issuing] }],
  ['nothing wrong, with a host', 'ok', { leaf: good, cas: [issuing], host: 'orders.example.com' }],
  ['nothing wrong, with an address', 'ok', { leaf: good, cas: [issuing], host: '10.1.2.3' }],
  ['RSA-2048', 'ok', ca({ keyType: 'RSA-2048' })],
  ['RSA-PSS', 'ok', ca({ keyType: 'RSA-PSS-2048' })],
  ['P-384', 'ok', ca({ keyType: 'P-384' })],
  ['Ed25519', 'ok', ca({ keyType: 'Ed25519' })],
  ['another host', 'name_mismatch', { leaf: good, cas: [issuing], host: 'other.example.com' }],
  ['another address', 'name_mismatch', { leaf: good, cas: [issuing], host: '10.1.2.4' }],
  ['a wildcard', 'ok', { ...end({ names: [dns('*.example.com')] }), host: 'a.example.com' }],
  [
    'a wildcard for two labels',
    'name_mismatch',
    { ...end({ names: [dns('*.example.com')] }), host: 'a.b.example.com' },
  ],
  ['a wildcard under a single label', 'name_mismatch', { ...end({ names: [dns('*.com')] }), host: 'example.com' }],
  [
    'the host only as the common name',
    'name_mismatch',
    { ...end({ names: [], commonName: 'orders.example.com' }), host: 'orders.example.com' },
  ],
  ['no intermediate', 'untrusted', { leaf: good }],
  ['another root of the same name', 'untrusted', { leaf: good, cas: [issuing], anchor: TestCa.root() }],
  ['an expired leaf', 'expired', end({ notBefore: days(-3), notAfter: days(-2) })],
  ['a leaf of tomorrow', 'not_yet_valid', end({ notBefore: days(1), notAfter: days(2) })],
  ['an expired CA', 'expired', ca({ notBefore: days(-3), notAfter: days(-2) })],
  ['an expired root', 'expired', anchor({ notBefore: days(-3), notAfter: days(-2) })],
  ['a CA without basicConstraints', 'not_a_ca', ca({ without: [Oid.basicConstraints] })],
  [
    'a CA with cA FALSE',
    'not_a_ca',
    ca({ extensions: [encodeExtensionOf.basicConstraints({ cA: false, pathLenConstraint: undefined })] }),
  ],
  ['a CA that may not sign certificates', 'key_usage', ca({ extensions: [encodeExtensionOf.keyUsage([6])] })],
  [
    'a CA with basicConstraints not critical',
    'profile',
    ca({
      extensions: [critical(encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: undefined }), false)],
    }),
  ],
  ['a CA without keyUsage', 'profile', ca({ without: [Oid.keyUsage] })],
  ['a CA without subjectKeyIdentifier', 'profile', ca({ without: [Oid.subjectKeyIdentifier] })],
  ['a leaf without authorityKeyIdentifier', 'profile', end({ without: [Oid.authorityKeyIdentifier] })],
  [
    'a critical authorityKeyIdentifier',
    'profile',
    end({
      extensions: [
        critical(
          encodeExtensionOf.authorityKeyIdentifier({
            keyIdentifier: issuing.certificate.extensions.subjectKeyIdentifier,
          }),
          true,
        ),
      ],
    }),
  ],
  ['an empty subject without a SAN', 'profile', end({ names: [], subject: encodeName([]) })],
  ['an empty subject with a SAN not critical', 'profile', end({ subject: encodeName([]) })],
  [
    'an empty subject with a critical SAN',
    'ok',
    end({ subject: encodeName([]), extensions: [encodeExtensionOf.subjectAltName(names, true)] }),
  ],
  ['a CA as the leaf', 'key_usage', { leaf: issuing }],
  ['a path length of 0 with a CA below', 'path_too_long', deep(0, 2)],
  ['a path length of 1 with a CA below', 'ok', deep(1, 2)],
  ['a path length of 1 with two CAs below', 'path_too_long', deep(1, 3)],
  ['a path length of 0 with a self-issued CA below', 'ok', rolledOver()],
  ['a root with a path length of 0 and a CA below', 'path_too_long', rootWithLength()],
  ['an unknown critical extension in the leaf', 'unknown_critical_extension', end({ extensions: [unknown] })],
  ['an unknown critical extension in the CA', 'unknown_critical_extension', ca({ extensions: [unknown] })],
  ['an unknown extension', 'ok', end({ extensions: [critical(unknown, false)] })],
  ['noRevAvail', 'ok', end({ extensions: [encodeExtensionOf.noRevAvail()] })],
  [
    'noRevAvail beside the location of a CRL',
    'profile',
    end({
      extensions: [
        encodeExtensionOf.noRevAvail(),
        encodeExtensionOf.crlDistributionPoints(['http://ca.example/ca.crl']),
      ],
    }),
  ],
  ['noRevAvail of a CA', 'profile', ca({ extensions: [encodeExtensionOf.noRevAvail()] })],
  ['a leaf for servers', 'extended_key_usage', end({ purposes: [Oid.serverAuth] })],
  ['a leaf for anything', 'extended_key_usage', end({ purposes: [Oid.anyExtendedKeyUsage] })],
  ['a leaf without extendedKeyUsage', 'ok', end({ without: [Oid.extendedKeyUsage] })],
  [
    'a CA for servers',
    'extended_key_usage',
    ca({ extensions: [encodeExtensionOf.extendedKeyUsage([Oid.serverAuth])] }),
  ],
  ['a CA for clients', 'ok', ca({ extensions: [encodeExtensionOf.extendedKeyUsage([Oid.clientAuth])] })],
  ['a key that only enciphers', 'key_usage', end({ extensions: [encodeExtensionOf.keyUsage([2])] })],
  ['RSA-1024 in the leaf', 'weak_key', end({ keyType: 'RSA-1024' })],
  ['RSA-1024 in the CA', 'weak_key', ca({ keyType: 'RSA-1024' })],
  [
    'permitted names',
    'ok',
    ca({
      extensions: [constraints([dns('example.com'), { kind: 'ip', value: Buffer.from('0a010000ffff0000', 'hex') }])],
    }),
  ],
  ['a name that is not permitted', 'name_constraints', ca({ extensions: [constraints([dns('example.org')])] })],
  [
    'one name of two that is not permitted',
    'name_constraints',
    ca({ extensions: [constraints([dns('example.com')])] }, { names: [dns('a.example.com'), dns('a.example.org')] }),
  ],
  ['an excluded name', 'name_constraints', ca({ extensions: [constraints([], [dns('orders.example.com')])] })],
  [
    'an excluded address',
    'name_constraints',
    ca({ extensions: [constraints([], [{ kind: 'ip', value: Buffer.from('0a010000ffff0000', 'hex') }])] }),
  ],
  [
    'a permitted directory',
    'ok',
    ca({
      extensions: [
        constraints([
          { kind: 'directory', value: encodeName([[{ type: Oid.organizationName, value: 'VERITAS Framework' }]]) },
        ]),
      ],
    }),
  ],
  [
    'another directory',
    'name_constraints',
    ca({ extensions: [constraints([{ kind: 'directory', value: nameFrom({ commonName: 'Other' }) }])] }),
  ],
  [
    'a wildcard over an excluded name',
    'name_constraints',
    ca({ extensions: [constraints([], [dns('a.example.com')])] }, { names: [dns('*.example.com')] }),
  ],
  [
    'a constraint with a leading period',
    'name_constraints',
    ca({ extensions: [constraints([dns('.example.com')])] }, { names: [dns('a.example.com')] }),
  ],
  [
    'constraints that are not critical',
    'profile',
    ca({ extensions: [critical(constraints([dns('example.com')]), false)] }),
  ],
  ['constraints of the root', 'name_constraints', anchor({ extensions: [constraints([dns('example.org')])] })],
  ['two ways, one expired', 'ok', crossed()],
  ['a policy', 'ok', { ...ca(policies('1.2.3'), { names, ...policies('1.2.3') }), policy: '1.2.3' }],
  ['another policy', 'policy', { ...ca(policies('1.2.3'), { names, ...policies('1.2.4') }), policy: '1.2.3' }],
  ['CRLs', 'ok', revoking(root.crl(), issuing.crl())],
  ['a CRL too few', 'revocation_unknown', revoking(issuing.crl())],
  ['a revoked leaf', 'revoked', revoking(root.crl(), issuing.crl([{ certificate: good.certificate, reason: 1 }]))],
  ['a revoked CA', 'revoked', revoking(root.crl([{ certificate: issuing.certificate }]), issuing.crl())],
  [
    'a CRL of yesterday',
    'revocation_unknown',
    revoking(root.crl(), issuing.crl([], { thisUpdate: days(-2), nextUpdate: days(-1) })),
  ],
  ['a CRL of another key', 'revocation_unknown', revoking(root.crl(), root.intermediate().crl())],
  [
    'a CRL with an unknown critical extension',
    'revocation_unknown',
    revoking(root.crl(), issuing.crl([], { extensions: [encodeExtensionOf.crlNumber(1n), unknown] })),
  ],
  ['a circle of CAs', 'untrusted', circle()],
];

/** Where OpenSSL says otherwise, and why we keep to what we say. */
const DISAGREEMENTS: ReadonlyMap<string, string> = new Map([
  ['the host only as the common name', 'OpenSSL falls back on the common name; RFC 9525 §2 ended that'],
  [
    'a wildcard over an excluded name',
    'OpenSSL compares the wildcard as text; it stands for the excluded name as well (the class of CVE-2025-61727)',
  ],
  [
    'a constraint with a leading period',
    'RFC 5280 §4.2.1.10 has the leading period for URIs and mail only; a form it does not know is refused',
  ],
  ['noRevAvail beside the location of a CRL', 'RFC 9608 §3 has it invalid; OpenSSL does not look'],
  ['noRevAvail of a CA', 'RFC 9608 §3 has it invalid; OpenSSL does not look'],
  ['constraints that are not critical', 'RFC 5280 §4.2.1.10 makes them critical, and -x509_strict does not look'],
]);

function rootWithLength(): Chain {
  const top = TestCa.root({ pathLenConstraint: 0 });
  const below = top.intermediate();
  return { leaf: below.issue({ names }), cas: [below], anchor: top };
}

function circle(): Chain {
  const [a, b] = [generateTestKeyPair(), generateTestKeyPair()];
  const [one, two] = [TestCa.root({ keyPair: a, commonName: 'A' }), TestCa.root({ keyPair: b, commonName: 'B' })];
  const cas = [one.intermediate({ keyPair: b, commonName: 'B' }), two.intermediate({ keyPair: a, commonName: 'A' })];
  return { leaf: one.issue({ names }), cas };
}

function ours({ leaf, cas = [], anchor: top = root, host, crls, policy, time = now }: Chain): PathFailureCode | 'ok' {
  const result = validatePath({
    leaf: leaf.certificate.der,
    intermediates: cas.map(({ certificate }) => certificate.der),
    anchors: [top.certificate.der],
    crls,
    revocationRequired: crls !== undefined,
    time,
    purposes: ['clientAuth'],
    names: host === undefined ? [] : [host],
    ...(policy === undefined ? {} : { initialPolicySet: [policy], initialExplicitPolicy: true }),
  });
  return result.ok ? 'ok' : result.reason.code;
}

function openssl({ leaf, cas = [], anchor: top = root, host, crls, policy, time = now }: Chain) {
  return opensslVerify({
    leaf: leaf.certificate.der,
    intermediates: cas.map(({ certificate }) => certificate.der),
    anchors: [top.certificate.der],
    ...(crls ? { crls } : {}),
    time,
    options: [
      ...['-purpose', 'sslclient'],
      ...(host === undefined ? [] : [ipFromString(host) ? '-verify_ip' : '-verify_hostname', host]),
      ...(policy === undefined ? [] : ['-policy', policy, '-policy_check', '-explicit_policy']),
    ],
  });
}

describe('openssl verify', () => {
  beforeAll(() => {
    process.stdout.write(`${opensslVersion()}: ${CHAINS.length} chains, ${DISAGREEMENTS.size} disagreements\n`);
    for (const [name, reason] of DISAGREEMENTS) process.stdout.write(`  ${name}: ${reason}\n`);
  });

  it.each(CHAINS)('%s: %s', (name, code, chain) => {
    expect(ours(chain)).toBe(code);
    const { ok, says } = openssl(chain);
    const agrees = ok === (code === 'ok');
    expect([says, agrees]).toEqual([says, !DISAGREEMENTS.has(name)]);
  });
});
