import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { write } from '../../der/index.js';
import { generateTestKeyPair, TestCa, type Issued, type TestCertificateOptions } from '../../testing/index.js';
import {
  algorithmIdentifier,
  decodeCertificate,
  decodeCertificateList,
  encodeExtensionOf,
  encodeName,
  encodeSigned,
  KeyUsage,
  nameFrom,
  Oid,
  signOctets,
  subjectPublicKeyInfoOf,
  validateCertificatePath,
  type Certificate,
  type Extension,
  type PathFailureCode,
  type PathOptions,
} from '../index.js';

const now = new Date();
const days = (count: number): Date => new Date(now.getTime() + count * 86_400_000);
const dns = (value: string) => ({ kind: 'dns' as const, value });
const keyPairOf = ({ key }: Issued) => ({ publicKey: createPublicKey(key), privateKey: key });

const root = TestCa.root();
const issuing = root.intermediate({ pathLenConstraint: 0 });
const leaf = issuing.issue({ names: [dns('orders.example.com')] });

function reasonOf(
  certificate: Certificate,
  intermediates: readonly Certificate[],
  options: Partial<PathOptions> & { anchors?: readonly Certificate[]; crls?: readonly Uint8Array[] } = {},
): { code: PathFailureCode | 'ok'; index: number | undefined } {
  const { anchors = [root.certificate], crls = [], ...others } = options;
  const result = validateCertificatePath({
    leaf: certificate,
    intermediates,
    anchors,
    crls: crls.map(decodeCertificateList),
    time: now,
    purposes: ['clientAuth'],
    ...others,
  });
  return result.ok
    ? { code: 'ok', index: undefined }
    : { code: result.reason.code, index: result.reason.certificate?.index };
}

/** The reason for a leaf below a CA made with `ca`, below the root. */
function under(ca: TestCertificateOptions, options: TestCertificateOptions = {}, rules: Partial<PathOptions> = {}) {
  const intermediate = root.intermediate(ca);
  return reasonOf(intermediate.issue(options).certificate, [intermediate.certificate], rules);
}

describe('trust', () => {
  const stranger = TestCa.root({ commonName: 'Other Root' });

  it('comes before all else: of a stranger nothing more is said', () => {
    const expired = stranger.issue({ notBefore: days(-2), notAfter: days(-1) });
    expect(reasonOf(expired.certificate, [])).toEqual({ code: 'untrusted', index: 0 });
    expect(reasonOf(TestCa.root({ commonName: 'Alone' }).certificate, []).code).toBe('untrusted');
    expect(reasonOf(leaf.certificate, []).code).toBe('untrusted');
    expect(reasonOf(leaf.certificate, [issuing.certificate], { anchors: [] }).code).toBe('untrusted');
  });

  it('is not had by an intermediate that poses as the root', () => {
    const fake = TestCa.root();
    const forged = fake.intermediate();
    expect(reasonOf(forged.issue().certificate, [forged.certificate])).toEqual({ code: 'untrusted', index: 1 });
    expect(reasonOf(forged.issue().certificate, [forged.certificate, fake.certificate])).toEqual({
      code: 'untrusted',
      index: 2,
    });
    const same = TestCa.root({ extensions: [encodeExtensionOf.subjectKeyIdentifier(Buffer.from('same'))] });
    const other = TestCa.root({ extensions: [encodeExtensionOf.subjectKeyIdentifier(Buffer.from('same'))] });
    expect(reasonOf(same.issue().certificate, [], { anchors: [other.certificate] })).toEqual({
      code: 'bad_signature',
      index: 0,
    });
  });

  it('is not in a self-signed leaf that is listed, only in a CA', () => {
    const { certificate } = TestCa.root({ without: [Oid.basicConstraints, Oid.keyUsage] });
    expect(reasonOf(certificate, [], { anchors: [certificate], purposes: [] }).code).toBe('not_a_ca');
    expect(reasonOf(root.certificate, [], { purposes: [] }).code).toBe('ok');
    expect(reasonOf(root.certificate, []).code).toBe('key_usage');
  });

  it('goes through version 1 only at an anchor that is self-signed, and not with a purpose', () => {
    const keyPair = generateTestKeyPair();
    const own = versionOne(keyPair, keyPair.privateKey);
    const foreign = versionOne(keyPair, generateTestKeyPair().privateKey);
    const ca = TestCa.root({ keyPair, commonName: 'Version 1' });
    const issued = ca.issue({ subject: nameFrom({ commonName: 'below' }) }).certificate;
    expect(reasonOf(issued, [], { anchors: [own], purposes: [] }).code).toBe('ok');
    expect(reasonOf(issued, [], { anchors: [foreign], purposes: [] }).code).toBe('not_a_ca');
    // Below an anchor of its own name it is a CA's that cannot say so.
    const newer = generateTestKeyPair();
    const below = TestCa.root({ keyPair: newer, commonName: 'Version 1' }).issue().certificate;
    const rolled = versionOne(newer, keyPair.privateKey);
    expect(reasonOf(below, [rolled], { anchors: [ca.certificate] }).code).toBe('not_a_ca');
    const renamed = versionOne(keyPair, keyPair.privateKey, 'Another');
    expect(reasonOf(issued, [], { anchors: [renamed], purposes: [] }).code).toBe('not_a_ca');
    expect(reasonOf(issued, [], { anchors: [own] }).code).toBe('profile');
    expect(reasonOf(issued, [own], { purposes: [] }).code).toBe('untrusted');
  });

  function versionOne(
    keyPair: ReturnType<typeof generateTestKeyPair>,
    signer: typeof keyPair.privateKey,
    issuer = 'Version 1',
  ): Certificate {
    const name = nameFrom({ organization: 'VERITAS Framework', commonName: 'Version 1' });
    const tbs = write.sequence(
      write.integer(7),
      algorithmIdentifier(Oid.ecdsaWithSha256).der,
      nameFrom({ organization: 'VERITAS Framework', commonName: issuer }).der,
      write.sequence(write.time(days(-1)), write.time(days(1))),
      name.der,
      subjectPublicKeyInfoOf(keyPair.publicKey).der,
    );
    const { algorithm, signature } = signOctets(tbs, signer);
    return decodeCertificate(encodeSigned(tbs, algorithm, signature));
  }
});

describe('dates', () => {
  it('are judged at the time asked for, both ends included', () => {
    const { certificate } = leaf;
    const at = (time: Date) => reasonOf(certificate, [issuing.certificate], { time }).code;
    const [from, to] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()];
    expect([
      at(new Date(to)),
      at(new Date(to + 999)),
      at(new Date(to + 1000)),
      at(new Date(from)),
      at(new Date(from - 1)),
    ]).toEqual(['ok', 'ok', 'expired', 'ok', 'not_yet_valid']);
    expect(at(new Date(NaN))).toBe('not_yet_valid');
  });

  it('of a CA and of the anchor count as well', () => {
    expect(under({ notBefore: days(-2), notAfter: days(-1) })).toEqual({ code: 'expired', index: 1 });
    expect(under({ notBefore: days(1) })).toEqual({ code: 'not_yet_valid', index: 1 });
    const old = TestCa.root({ notBefore: days(-2), notAfter: days(-1) });
    expect(reasonOf(old.issue().certificate, [], { anchors: [old.certificate] })).toEqual({
      code: 'expired',
      index: 1,
    });
  });

  it('come after the constraints', () => {
    expect(under({ without: [Oid.basicConstraints], notAfter: days(-1), notBefore: days(-2) }).code).toBe('not_a_ca');
  });
});

describe('CAs', () => {
  it.each<[string, TestCertificateOptions, PathFailureCode]>([
    ['without basicConstraints', { without: [Oid.basicConstraints] }, 'not_a_ca'],
    [
      'with cA FALSE',
      { extensions: [encodeExtensionOf.basicConstraints({ cA: false, pathLenConstraint: undefined })] },
      'not_a_ca',
    ],
    ['without keyCertSign', { extensions: [encodeExtensionOf.keyUsage([6])] }, 'key_usage'],
    ['with RSA-1024', { keyType: 'RSA-1024' }, 'weak_key'],
    [
      'with an unknown critical extension',
      { extensions: [{ oid: '1.2.3.4', critical: true, value: write.nullElement() }] },
      'unknown_critical_extension',
    ],
    ['for servers only', { extensions: [encodeExtensionOf.extendedKeyUsage([Oid.serverAuth])] }, 'extended_key_usage'],
    ['with noRevAvail', { extensions: [encodeExtensionOf.noRevAvail()] }, 'profile'],
  ])('%s', (_, options, code) => {
    expect(under(options)).toEqual({ code, index: 1 });
  });

  it('may be for any purpose', () => {
    expect(under({ extensions: [encodeExtensionOf.extendedKeyUsage([Oid.anyExtendedKeyUsage])] }).code).toBe('ok');
  });

  it('heed path lengths, self-issued ones not counted', () => {
    const top = root.intermediate({ commonName: 'Top', pathLenConstraint: 0 });
    const below = top.intermediate({ commonName: 'Below' });
    const chain = [top.certificate, below.certificate];
    expect(reasonOf(below.issue().certificate, chain)).toEqual({ code: 'path_too_long', index: 1 });
    const rolled = top.intermediate({ commonName: 'Top' });
    expect(reasonOf(rolled.issue().certificate, [top.certificate, rolled.certificate]).code).toBe('ok');
    expect(reasonOf(leaf.certificate, [issuing.certificate], { maxPathLength: 0 }).code).toBe('path_too_long');
    const short = TestCa.root({ pathLenConstraint: 0 });
    const ca = short.intermediate();
    expect(reasonOf(ca.issue().certificate, [ca.certificate], { anchors: [short.certificate] }).code).toBe(
      'path_too_long',
    );
  });
});

const accessTo = (accessMethod: string, value: string): Extension =>
  encodeExtensionOf.authorityInfoAccess([{ accessMethod, accessLocation: { kind: 'uri', value } }]);
const caIssuers = accessTo(Oid.caIssuers, 'http://ca.example/ca.cer');

const VALUES = {
  authorityInfoAccess: caIssuers.value,
  freshestCrl: encodeExtensionOf.freshestCrl(['http://ca.example/delta']).value,
  issuerAltName: encodeExtensionOf.subjectAltName([dns('ca.example')]).value,
  noRevAvail: write.nullElement(),
  ocspNoCheck: write.nullElement(),
} as const;

describe('leaves', () => {
  it.each<[string, TestCertificateOptions, PathFailureCode | 'ok']>([
    ['for servers only', { purposes: [Oid.serverAuth] }, 'extended_key_usage'],
    ['for any purpose, by anyExtendedKeyUsage', { purposes: [Oid.anyExtendedKeyUsage] }, 'extended_key_usage'],
    ['without extendedKeyUsage', { without: [Oid.extendedKeyUsage] }, 'ok'],
    ['whose key only enciphers', { extensions: [encodeExtensionOf.keyUsage([2])] }, 'key_usage'],
    ['without keyUsage', { without: [Oid.keyUsage] }, 'ok'],
    ['with RSA-1024', { keyType: 'RSA-1024' }, 'weak_key'],
    ['with P-521', { keyType: 'P-521' }, 'ok'],
    ['with Ed25519', { keyType: 'Ed25519' }, 'ok'],
    [
      'with an unknown critical extension',
      { extensions: [{ oid: '1.2.3.4', critical: true, value: write.nullElement() }] },
      'unknown_critical_extension',
    ],
  ])('%s', (_, options, code) => {
    expect(under({}, options).code).toBe(code);
  });

  it.each<[string, TestCertificateOptions, number]>([
    ['a point on its curve', {}, -1],
    // The exponent 65537 takes the last five octets.
    ['an odd modulus', { keyType: 'RSA-2048' }, -6],
  ])('have a key that is one: %s', (_, options, at) => {
    const issued = issuing.issue(options);
    const key = subjectPublicKeyInfoOf(issued.key).der;
    const changed = Buffer.from(key);
    changed.set([changed.at(at)! ^ 1], changed.length + at);
    const tbs = Buffer.from(issued.certificate.tbs);
    tbs.set(changed, tbs.indexOf(key));
    const { algorithm, signature } = signOctets(tbs, issuing.key);
    const certificate = decodeCertificate(encodeSigned(tbs, algorithm, signature));
    expect(reasonOf(issued.certificate, [issuing.certificate]).code).toBe('ok');
    expect(reasonOf(certificate, [issuing.certificate])).toEqual({ code: 'weak_key', index: 0 });
  });

  it.each([
    ['codeSigning', KeyUsage.keyEncipherment],
    ['emailProtection', KeyUsage.dataEncipherment],
    ['timeStamping', KeyUsage.keyAgreement],
    ['ocspSigning', KeyUsage.keyEncipherment],
  ] as const)('for %s have a key usage that is consistent with it', (purpose, usage) => {
    const codeOf = (bit: number) =>
      reasonOf(
        issuing.issue({ purposes: [Oid[purpose]], extensions: [encodeExtensionOf.keyUsage([bit])] }).certificate,
        [issuing.certificate],
        { purposes: [purpose] },
      ).code;
    expect([codeOf(KeyUsage.digitalSignature), codeOf(usage)]).toEqual(['ok', 'key_usage']);
  });

  it('have dates in the form for their year', () => {
    const tbs = (notAfter: Date): Buffer =>
      Buffer.from(issuing.issue({ notBefore: days(-1), notAfter }).certificate.tbs);
    const signed = (octets: Uint8Array) => {
      const { algorithm, signature } = signOctets(octets, issuing.key);
      return decodeCertificate(encodeSigned(octets, algorithm, signature));
    };
    const late = signed(tbs(new Date('2051-01-01T00:00:00Z')));
    expect(reasonOf(late, [issuing.certificate]).code).toBe('ok');
    // The same length: a GeneralizedTime of the year 2051 made one of 2049.
    const octets = tbs(new Date('2051-01-01T00:00:00Z'));
    octets.write('2049', octets.indexOf('20510101'));
    expect(reasonOf(signed(octets), [issuing.certificate])).toEqual({ code: 'profile', index: 0 });
    expect(reasonOf(signed(octets), [issuing.certificate], { purposes: [] }).code).toBe('ok');
  });

  it('may say critically only what is understood of their policies', () => {
    const policies = (qualifier: string, critical: boolean) => ({
      oid: Oid.certificatePolicies,
      critical,
      value: write.sequence(
        write.sequence(
          write.oid('1.2.3'),
          write.sequence(write.sequence(write.oid(qualifier), write.ia5String('https://ca.example/cps'))),
        ),
      ),
    });
    const codeOf = (qualifier: string, critical: boolean) =>
      reasonOf(issuing.issue({ extensions: [policies(qualifier, critical)] }).certificate, [issuing.certificate]).code;
    const cps = '1.3.6.1.5.5.7.2.1';
    const userNotice = '1.3.6.1.5.5.7.2.2';
    expect([codeOf(cps, true), codeOf(userNotice, true), codeOf('1.2.3.4', false)]).toEqual(['ok', 'ok', 'ok']);
    expect(codeOf('1.2.3.4', true)).toBe('unknown_critical_extension');
  });

  it.each(['authorityInfoAccess', 'freshestCrl', 'issuerAltName', 'noRevAvail', 'ocspNoCheck'] as const)(
    'have no critical %s, which is not processed',
    (name) => {
      const extensions = [{ oid: Oid[name], critical: true, value: VALUES[name] }];
      expect(under({}, { extensions }).code).toBe('unknown_critical_extension');
      expect(under({}, { extensions: extensions.map((one) => ({ ...one, critical: false })) }).code).toBe('ok');
    },
  );

  it.each<[string, Extension[], PathFailureCode | 'ok']>([
    ['alone', [], 'ok'],
    ['beside where the certificate of its CA is', [caIssuers], 'ok'],
    [
      'beside a cA of TRUE',
      [encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: undefined })],
      'profile',
    ],
    ['beside a list', [encodeExtensionOf.crlDistributionPoints(['http://ca.example/ca.crl'])], 'profile'],
    ['beside a delta', [encodeExtensionOf.freshestCrl(['http://ca.example/delta.crl'])], 'profile'],
    ['beside a responder', [accessTo(Oid.ocsp, 'http://ca.example/ocsp')], 'profile'],
  ])('may have noRevAvail %s (RFC 9608 §3)', (_, others, code) => {
    const extensions = [encodeExtensionOf.noRevAvail(), ...others];
    expect(under({}, { extensions }, { purposes: [] }).code).toBe(code);
    expect(under({}, { extensions: others }, { purposes: [] }).code).toBe('ok');
  });

  it('may be asked to list the purpose', () => {
    expect(under({}, { without: [Oid.extendedKeyUsage] }, { extendedKeyUsageRequired: true }).code).toBe(
      'extended_key_usage',
    );
  });

  it('have one of the names, never by their common name', () => {
    const named = (names: PathOptions['names']) => reasonOf(leaf.certificate, [issuing.certificate], { names }).code;
    expect(named(['other.example.com', 'orders.example.com'])).toBe('ok');
    expect(named([{ kind: 'dns', value: 'veritas-client' }])).toBe('name_mismatch');
    expect(under({}, {}, { names: ['veritas-client'] }).code).toBe('name_mismatch');
  });

  it('signed with another algorithm than allowed are refused for it', () => {
    // SHA-224, whose identifier is as long as that of SHA-256: the algorithm is looked at before the signature.
    const der = Buffer.from(leaf.certificate.der);
    const sha256 = algorithmIdentifier(Oid.ecdsaWithSha256).der;
    for (let at = der.indexOf(sha256); at >= 0; at = der.indexOf(sha256))
      der.set(algorithmIdentifier('1.2.840.10045.4.3.1').der, at);
    expect(reasonOf(decodeCertificate(der), [issuing.certificate])).toEqual({
      code: 'unsupported_algorithm',
      index: 0,
    });
  });
});

describe('several paths', () => {
  it('are tried until one holds', () => {
    const other = TestCa.root({ commonName: 'Second Root' });
    const keyPair = keyPairOf(issuing);
    const cross = other.intermediate({ keyPair });
    const expired = root.intermediate({ keyPair, notBefore: days(-3), notAfter: days(-2) });
    const pool = [expired.certificate, cross.certificate, issuing.certificate];
    expect(reasonOf(leaf.certificate, pool).code).toBe('ok');
    expect(reasonOf(leaf.certificate, pool, { anchors: [other.certificate] }).code).toBe('ok');
    expect(reasonOf(leaf.certificate, [expired.certificate, cross.certificate])).toEqual({ code: 'expired', index: 1 });
  });

  it('do not run in circles', () => {
    const [a, b] = [generateTestKeyPair(), generateTestKeyPair()];
    const rootA = TestCa.root({ keyPair: a, commonName: 'A' });
    const rootB = TestCa.root({ keyPair: b, commonName: 'B' });
    const ab = rootA.intermediate({ keyPair: b, commonName: 'B' });
    const ba = rootB.intermediate({ keyPair: a, commonName: 'A' });
    const { certificate } = rootA.issue();
    const circle = [ab.certificate, ba.certificate];
    expect(reasonOf(certificate, circle).code).toBe('untrusted');
    const way = root.intermediate({ keyPair: b, commonName: 'B' });
    expect(reasonOf(certificate, [...circle, way.certificate]).code).toBe('ok');
  });

  it('go on above an anchor that is no end for this one', () => {
    const mapping = write.sequence(write.sequence(write.oid('1.2.3'), write.oid('1.2.4')));
    const ca = root.intermediate({
      extensions: [
        encodeExtensionOf.certificatePolicies(['1.2.3']),
        { oid: Oid.policyMappings, critical: true, value: mapping },
      ],
    });
    const { certificate } = ca.issue({ extensions: [encodeExtensionOf.certificatePolicies(['1.2.4'])] });
    const codeOf = (anchors: readonly Certificate[], wanted: string) =>
      reasonOf(certificate, [ca.certificate], { anchors, initialExplicitPolicy: true, initialPolicySet: [wanted] })
        .code;
    expect(codeOf([ca.certificate], '1.2.3')).toBe('policy');
    expect(codeOf([ca.certificate, root.certificate], '1.2.3')).toBe('ok');
    expect(codeOf([ca.certificate, root.certificate], '1.2.4')).toBe('ok');
  });

  it('give the reason of the one that got furthest', () => {
    const keyPair = keyPairOf(issuing);
    const revokedElsewhere = root.intermediate({ keyPair, without: [Oid.basicConstraints] });
    expect(
      reasonOf(leaf.certificate, [revokedElsewhere.certificate, issuing.certificate], { names: ['x.org'] }),
    ).toEqual({
      code: 'name_mismatch',
      index: 0,
    });
  });
});

describe('revocation', () => {
  const chain = [issuing.certificate];
  const crls = [root.crl(), issuing.crl()];

  it('is asked of every certificate below the anchor when it is required', () => {
    expect(reasonOf(leaf.certificate, chain, { crls, revocationRequired: true }).code).toBe('ok');
    expect(reasonOf(leaf.certificate, chain, { crls: [issuing.crl()], revocationRequired: true })).toEqual({
      code: 'revocation_unknown',
      index: 1,
    });
    expect(reasonOf(leaf.certificate, chain, { crls: [root.crl()], revocationRequired: true })).toEqual({
      code: 'revocation_unknown',
      index: 0,
    });
    expect(reasonOf(leaf.certificate, chain).code).toBe('ok');
  });

  it('refuses what is known to be revoked, required or not', () => {
    const one = issuing.crl([{ certificate: leaf.certificate, reason: 1 }]);
    expect(reasonOf(leaf.certificate, chain, { crls: [one] })).toEqual({ code: 'revoked', index: 0 });
    const two = root.crl([{ certificate: issuing.certificate }]);
    expect(reasonOf(leaf.certificate, chain, { crls: [two] })).toEqual({ code: 'revoked', index: 1 });
  });

  it('of the leaf ends the search: no path that is less promising makes it good', () => {
    const other = TestCa.root({ commonName: 'Second Root' });
    const mute = other.intermediate({
      keyPair: keyPairOf(issuing),
      extensions: [encodeExtensionOf.keyUsage([5])],
      notAfter: days(1),
    });
    const anchors = [root.certificate, other.certificate];
    const one = issuing.crl([{ certificate: leaf.certificate }]);
    const both = [mute.certificate, issuing.certificate];
    expect(reasonOf(leaf.certificate, [mute.certificate], { anchors, crls: [one] }).code).toBe('ok');
    expect(reasonOf(leaf.certificate, both, { anchors, crls: [one] }).code).toBe('revoked');
    expect(reasonOf(leaf.certificate, both.toReversed(), { anchors, crls: [one] }).code).toBe('revoked');
  });

  it('comes last: an expired certificate of ours is expired', () => {
    const expired = issuing.issue({ notBefore: days(-3), notAfter: days(-2) });
    const one = issuing.crl([{ certificate: expired.certificate }]);
    expect(reasonOf(expired.certificate, chain, { crls: [one] }).code).toBe('expired');
  });
});

describe('policies', () => {
  const policy = (...policies: string[]) => ({ extensions: [encodeExtensionOf.certificatePolicies(policies)] });

  it('are asked for only by who asks', () => {
    const both = { initialExplicitPolicy: true, initialPolicySet: ['1.2.3'] };
    expect(under({}, {}, both).code).toBe('policy');
    expect(under(policy('1.2.3'), policy('1.2.3'), both).code).toBe('ok');
    expect(under(policy('1.2.3'), policy('1.2.4'), both).code).toBe('policy');
    expect(under(policy('1.2.4'), policy('1.2.4'), both).code).toBe('policy');
    expect(under(policy('1.2.4'), policy('1.2.4'), { initialExplicitPolicy: true }).code).toBe('ok');
    expect(under(policy(Oid.anyPolicy), policy('1.2.3'), both).code).toBe('ok');
    expect(under(policy(Oid.anyPolicy), policy('1.2.3'), { ...both, initialAnyPolicyInhibit: true }).code).toBe(
      'policy',
    );
  });
});

it('takes an empty subject for what it is: no name, and none to match an issuer by', () => {
  const { certificate } = issuing.issue({
    subject: encodeName([]),
    extensions: [encodeExtensionOf.subjectAltName([dns('a.example.com')], true)],
  });
  expect(reasonOf(certificate, [issuing.certificate]).code).toBe('ok');
});
