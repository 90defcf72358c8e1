import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { crlLintFixtures, crlOf } from '../../../test/support/crl-lint-fixtures.js';
import { certificateBoundaries, crlBoundaries, ocspBoundaries } from '../../../test/support/lint-boundaries.js';
import {
  authorityBelow,
  certificateLintFixtures,
  leafBelow,
  lintIssuing,
  lintRoot,
} from '../../../test/support/lint-fixtures.js';
import { ocspLintFixtures, ocspOf } from '../../../test/support/ocsp-lint-fixtures.js';
import { generateTestKeyPair, TestCa, type TestKeyType } from '../../testing/index.js';
import {
  certificateLintRules,
  crlEntryLintRules,
  crlLintRules,
  encodeExtensionOf,
  encodeName,
  lintCertificate,
  lintCrl,
  lintFindingToString,
  lintOcsp,
  ocspLintRules,
  Oid,
  validatePath,
  type CertificateLintSubject,
  type GeneralName,
  type LintFinding,
} from '../index.js';

const KEY_TYPES: readonly TestKeyType[] = ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048', 'RSA-PSS-2048'];

describe('each rule finds its defect, and no other rule does', () => {
  test.each(certificateLintFixtures.map(({ rule, defect, subject }) => [rule, defect, subject] as const))(
    '%s: %s',
    (rule, _, subject) => {
      const findings = lintCertificate(subject());
      expect(findings).toEqual([expect.objectContaining({ rule })]);
    },
  );
  test.each(crlLintFixtures.map(({ rule, defect, subject }) => [rule, defect, subject] as const))(
    '%s: %s',
    (rule, _, subject) => {
      expect(lintCrl(subject())).toEqual([expect.objectContaining({ rule })]);
    },
  );

  test.each(ocspLintFixtures.map(({ rule, defect, subject }) => [rule, defect, subject] as const))(
    '%s: %s',
    (rule, _, subject) => {
      expect(lintOcsp(subject())).toEqual([expect.objectContaining({ rule })]);
    },
  );

  it('each rule has a fixture, a name of its own and a source', () => {
    for (const [rules, fixtures] of [
      [certificateLintRules, certificateLintFixtures],
      [[...crlLintRules, ...crlEntryLintRules], crlLintFixtures],
      [ocspLintRules, ocspLintFixtures],
    ] as const) {
      const names = rules.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect([...names].sort()).toEqual([...new Set(fixtures.map(({ rule }) => rule))].sort());
      for (const { name, source } of rules) {
        expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
        expect(source).toMatch(/§|appendix/);
      }
    }
  });
});

describe('on both sides of what a rule allows', () => {
  const judged = (findings: LintFinding[], rule: string | undefined): void => {
    const rules = findings.map((each) => each.rule);
    expect(rules).toEqual(rule === undefined ? [] : expect.arrayContaining([rule]));
  };
  test.each(certificateBoundaries)('%s: %s', (rule, _, subject) => {
    judged(lintCertificate(subject()), rule);
  });
  test.each(crlBoundaries)('%s: %s', (rule, _, subject) => {
    judged(lintCrl(subject()), rule);
  });
  test.each(ocspBoundaries)('%s: %s', (rule, _, subject) => {
    const response = subject();
    judged(lintOcsp(response), rule);
    // Once more, with what is remembered of the responder.
    judged(lintOcsp(response), rule);
  });
});

describe('nothing is found in what is sound', () => {
  it.each(KEY_TYPES)('a root, its CAs, their end entities and lists, all %s', (keyType) => {
    const root = TestCa.root({ keyType });
    const issuing = root.intermediate({ keyType, pathLenConstraint: 0 });
    const found = [
      lintCertificate({ certificate: root.certificate, issuer: undefined, chain: [] }),
      lintCertificate({ certificate: issuing.certificate, issuer: root.certificate, chain: [root.certificate] }),
      ...[[Oid.serverAuth], [Oid.clientAuth], [Oid.serverAuth, Oid.clientAuth]].map((purposes) =>
        lintCertificate(leafBelow(issuing, { keyType, purposes })),
      ),
      lintCrl(crlOf(root)),
      lintCrl(crlOf(issuing)),
      lintCrl({ ...crlOf(issuing, { revokedCertificates: [] }), previous: undefined }),
    ];
    expect(found.flat()).toEqual([]);
  });

  it('a response to one question, to several, to one with a nonce', () => {
    const revoked = { status: 'revoked', revocationTime: new Date(0), reason: 1 } as const;
    const found = [
      ocspOf(),
      ocspOf({ certStatus: revoked }),
      ocspOf({ certStatus: { status: 'unknown' } }),
      ocspOf({ serials: ['40a1', '40a2'] }),
      ocspOf({ nonce: Buffer.alloc(32, 7) }),
      ocspOf({ certStatus: { ...revoked, reason: 6 }, extensions: [encodeExtensionOf.ocspExtendedRevoke()] }),
    ].map(lintOcsp);
    expect(found.flat()).toEqual([]);
  });

  it('no subject and critical names; a CA below two; constraints that are kept', () => {
    const names: GeneralName[] = [{ kind: 'dns', value: 'orders.example.com' }];
    const subject = encodeName([]);
    const constrained = lintRoot.intermediate({
      extensions: [encodeExtensionOf.nameConstraints({ permittedSubtrees: names, excludedSubtrees: [] })],
    });
    const found = [
      leafBelow(lintIssuing, { subject, extensions: [encodeExtensionOf.subjectAltName(names, true)] }),
      authorityBelow(lintRoot.intermediate({ pathLenConstraint: 1 })),
      leafBelow(constrained, { names }),
      leafBelow(TestCa.root({ pathLenConstraint: 1 }).intermediate({ pathLenConstraint: 0 })),
    ].map(lintCertificate);
    expect(found.flat()).toEqual([]);
  });

  it('a CA that follows itself under a new key does not count as one more', () => {
    const old = lintRoot.intermediate({ commonName: 'CA', pathLenConstraint: 0 });
    const rolled = old.intermediate({ commonName: 'CA', pathLenConstraint: 0 });
    expect(lintCertificate(leafBelow(rolled))).toEqual([]);
  });
});

test('what the lint lets pass, path validation accepts: names of every kind, keys of every type', () => {
  const keyPair = fc.constantFrom(...KEY_TYPES.map((type) => generateTestKeyPair(type)));
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);
  const dns = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => `${labels.join('.')}.example`);
  const octets = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  const name: fc.Arbitrary<GeneralName> = fc.oneof(
    dns.map((value) => ({ kind: 'dns' as const, value })),
    octets.map((value) => ({ kind: 'ip' as const, value })),
    dns.map((host) => ({ kind: 'uri' as const, value: `spiffe://a${host.replace(/\d/g, 'x')}/service` })),
  );
  const names = fc.uniqueArray(name, { minLength: 1, maxLength: 5, selector: (each) => JSON.stringify(each) });
  fc.assert(
    fc.property(names, keyPair, fc.uint8Array({ minLength: 16, maxLength: 16 }), (all, keys, serial) => {
      serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
      const subject = leafBelow(lintIssuing, { names: all, keyPair: keys, serialNumber: serial });
      expect(lintCertificate(subject)).toEqual([]);
      expect(isAccepted(subject)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('a finding in words names the rule and where it is written', () => {
  const findings = lintCertificate(leafBelow(lintIssuing, { serialNumber: Uint8Array.of(0) }));
  expect(findings.map(lintFindingToString)).toEqual([
    'serial-number-positive: the serial number is 00 (RFC 5280 §4.1.2.2)',
  ]);
  const worded = certificateLintFixtures.filter(({ rule }) => /^criticality$|syntax$/.test(rule));
  expect(worded.flatMap(({ subject }) => lintCertificate(subject()).map(({ message }) => message))).toEqual([
    'countryName is not of type PrintableString',
    'emailAddress is not of type IA5String',
    'subjectKeyIdentifier is critical',
    'subjectAltName is critical',
    'nameConstraints is not critical',
  ]);
});

function isAccepted({ certificate, chain }: CertificateLintSubject): boolean {
  return validatePath({
    leaf: certificate.der,
    intermediates: chain.slice(0, -1).map(({ der }) => der),
    anchors: chain.slice(-1).map(({ der }) => der),
    time: new Date(),
    purposes: ['clientAuth', 'serverAuth'],
    names: [],
  }).ok;
}
