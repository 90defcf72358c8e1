import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { certificationRequest } from '../../../test/support/certification-request.js';
import {
  openTemporaryAuthority,
  somebody,
  type TemporaryAuthority,
} from '../../../test/support/temporary-authority.js';
import { generateTestKeyPair, TestCa, type TestCertificateOptions } from '../../testing/index.js';
import {
  decodeCertificate,
  decodeCertificationRequest,
  encodeExtensionOf,
  KeyUsage,
  lintCertificate,
  Oid,
  subjectPublicKeyInfoOf,
  SubjectPublicKeyInfo,
  verifySignature,
} from '../../x509/index.js';
import { readBuiltInProfiles } from '../../configuration/index.js';
import { write } from '../../der/index.js';
import { identityOf } from '../issuer/issuer-identity.js';
import { rootProfile, type EndEntityProfile } from '../profile/profile.js';
import { Profiles } from '../profile/profiles.js';
import { AcceptedRequest } from './accepted-request.js';
import { IssuanceToken } from './issuance-token.js';
import { lintForProfile } from './lint/lint-for-profile.js';
import { checkPublicKey } from './public-key-policy.js';
import { newSerialNumber } from './serial-number.js';

const endEntityProfile = (name: string, serviceLifetime: number): EndEntityProfile =>
  new Profiles({ builtIn: readBuiltInProfiles(), serviceLifetime }).named(name);

describe('the issuance token', () => {
  let temporary: TemporaryAuthority;
  let accepted: AcceptedRequest;
  const terms = () => ({
    serialNumber: newSerialNumber(),
    algorithm: temporary.authority.ca.issuing.issuer.algorithm,
    now: new Date(),
    backdate: 60,
    publicationUrl: 'http://localhost:5080',
  });
  beforeAll(async () => {
    temporary = await openTemporaryAuthority();
    accepted = AcceptedRequest.accept(decodeCertificationRequest(certificationRequest()), {
      profile: endEntityProfile('service', 86_400),
      organization: 'VERITAS Framework',
      requester: somebody,
    });
  });
  afterAll(() => temporary.close());

  it('is signed once, by the issuer it is for', async () => {
    const { issuer } = temporary.authority.ca.issuing;
    const token = new IssuanceToken(accepted, issuer.identity, terms());
    const root = temporary.authority.ca.authorities[0]!.issuer;
    await expect(root.issue(token)).rejects.toMatchObject({ code: 'authority_mismatch' });
    const certificate = await issuer.issue(token);
    expect(certificate.serialNumber).toBe(token.serialNumber);
    expect(decodeCertificate(certificate.der)).toEqual(certificate);
    const { signatureAlgorithm, tbs, signature } = certificate;
    expect(verifySignature(signatureAlgorithm, issuer.identity.publicKey, tbs, signature)).toBe(true);
    await expect(issuer.issue(token)).rejects.toMatchObject({ code: 'token_spent' });
  });

  it('is not made of an object that looks like an accepted request', () => {
    const { identity } = temporary.authority.ca.issuing.issuer;
    expect(() => new IssuanceToken(Object.assign({}, accepted), identity, terms())).toThrow('not accepted');
  });

  it('is not made of what the lint refuses: a serial number too short, a certificate longer than its profile', () => {
    const { identity } = temporary.authority.ca.issuing.issuer;
    expect(() => new IssuanceToken(accepted, identity, { ...terms(), serialNumber: '01' })).toThrow('serial-number');
    expect(() => new IssuanceToken(accepted, identity, { ...terms(), backdate: 400 * 86_400 })).not.toThrow();
  });

  it('is for no longer than the CAs above its issuer last, a root that is kept elsewhere too', () => {
    const now = Math.floor(Date.now() / 1000) * 1000;
    const inHours = (count: number): Date => new Date(now + count * 3_600_000);
    const root = TestCa.root({ notAfter: inHours(10) });
    const below = root.intermediate({ notAfter: inHours(48), pathLenConstraint: 0 });
    const identity = identityOf('issuing', below.certificate, [root.certificate]);
    const token = new IssuanceToken(accepted, identity, terms());
    expect(token.spend().notAfter).toEqual(inHours(10));
    expect(() => new IssuanceToken(accepted, identity, { ...terms(), now: inHours(11) })).toThrow(
      expect.objectContaining({ code: 'issuer_expired' }),
    );
  });

  it('is not made of what a strict reader refuses', () => {
    const { identity } = temporary.authority.ca.issuing.issuer;
    const make = () => new IssuanceToken(accepted, identity, { ...terms(), serialNumber: '7f'.repeat(21) });
    expect(make).toThrow(expect.objectContaining({ code: 'lint_failed' }));
    expect(make).toThrow('over 20 octets');
  });

  // A certificate that somebody else made, read as if this profile had made it: each knob one finding.
  const issuing = TestCa.root().intermediate({ pathLenConstraint: 0 });
  const sound: TestCertificateOptions = {
    commonName: 'orders',
    names: [{ kind: 'dns', value: 'orders' }],
    extensions: [
      encodeExtensionOf.basicConstraints({ cA: false, pathLenConstraint: undefined }),
      encodeExtensionOf.crlDistributionPoints(['http://localhost/crl']),
      encodeExtensionOf.authorityInfoAccess([
        { accessMethod: Oid.caIssuers, accessLocation: { kind: 'uri', value: 'http://localhost/ca' } },
      ]),
    ],
    serialNumber: Buffer.from('7f'.repeat(16), 'hex'),
  };
  const chain = [issuing.certificate, issuing.root.certificate];
  const lint = (change: TestCertificateOptions): string[] => {
    const extensions = [...sound.extensions!, ...(change.extensions ?? [])];
    const { certificate } = issuing.issue({ ...sound, ...change, extensions });
    return [
      ...lintCertificate({ certificate, issuer: issuing.certificate, chain }),
      ...lintForProfile({
        certificate,
        profile: endEntityProfile('service', 86_400),
        issuer: identityOf('issuing', issuing.certificate, [issuing.root.certificate]),
        names: sound.names!,
        ocsp: false,
      }),
    ].map(({ rule }) => rule);
  };

  it('finds nothing wrong with a sound certificate', () => {
    expect(lint({})).toEqual([]);
  });

  it.each<[string, string, TestCertificateOptions]>([
    ['profile-serial-number', 'a short number', { serialNumber: Uint8Array.of(1) }],
    ['profile-serial-number', 'a number above the top bit', { serialNumber: Buffer.alloc(16, 0xff) }],
    ['validity-order', 'an end before its beginning', { notAfter: new Date(Date.now() - 3_600_000) }],
    ['validity-within-issuer', 'a beginning before its issuer', { notBefore: new Date(Date.now() - 7_200_000) }],
    ['profile-validity', 'a year', { notAfter: new Date(Date.now() + 366 * 86_400_000) }],
    ['profile-subject', 'the name of its issuer', { subject: issuing.certificate.subject }],
    [
      'authority-key-identifier-chaining',
      'another authority',
      { extensions: [encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Uint8Array.of(1) })] },
    ],
    [
      'profile-subject-key-identifier',
      'another subject',
      { extensions: [encodeExtensionOf.subjectKeyIdentifier(Uint8Array.of(1))] },
    ],
    [
      'profile-basic-constraints',
      'CA:TRUE',
      { extensions: [encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: undefined })] },
    ],
    ['profile-basic-constraints', 'none', { without: [Oid.basicConstraints] }],
    [
      'profile-key-usage',
      'keyCertSign',
      { extensions: [encodeExtensionOf.keyUsage([KeyUsage.digitalSignature, KeyUsage.keyCertSign])] },
    ],
    ['profile-key-usage', 'none', { without: [Oid.keyUsage] }],
    ['profile-extended-key-usage', 'one purpose', { purposes: [Oid.clientAuth] }],
    ['profile-extended-key-usage', 'none', { without: [Oid.extendedKeyUsage] }],
    ['profile-subject-alt-name', 'another name', { names: [{ kind: 'dns', value: 'admin' }] }],
    ['profile-subject-alt-name', 'none', { without: [Oid.subjectAltName] }],
    ['profile-publication-points', 'no list', { without: [Oid.crlDistributionPoints] }],
    ['profile-publication-points', 'no access to the issuer', { without: [Oid.authorityInfoAccess] }],
    [
      'profile-extensions',
      'an extension of no profile',
      { extensions: [encodeExtensionOf.certificatePolicies([Oid.anyPolicy])] },
    ],
    ['profile-extensions', 'critical names', { extensions: [encodeExtensionOf.subjectAltName(sound.names!, true)] }],
  ])('%s: refuses %s', (rule, _what, change) => {
    expect(lint(change)).toContain(rule);
  });

  it('refuses what has another profile, a root that is not its own, and names that are missing', () => {
    const { certificate } = issuing.issue(sound);
    const subject = { certificate, issuer: identityOf('root', issuing.root.certificate, []), profile: rootProfile };
    expect(lintForProfile({ ...subject, names: [], ocsp: false }).map(({ rule }) => rule)).toEqual([
      'profile-subject',
      'profile-basic-constraints',
      'profile-key-usage',
      'profile-extended-key-usage',
      'profile-subject-alt-name',
      'profile-publication-points',
    ]);
  });

  it('is not made for an issuer that has no certificate, unless it is a root to be', () => {
    const identity = { ...temporary.authority.ca.issuing.issuer.identity, chain: [] };
    expect(() => new IssuanceToken(accepted, identity, terms())).toThrow('issuer-name-chaining');
  });

  it('is not made of what the CAs above do not allow', () => {
    const { issuer } = temporary.authority.ca.issuing;
    const [own, root] = issuer.identity.chain;
    const constrained = TestCa.root({
      extensions: [
        encodeExtensionOf.nameConstraints({
          permittedSubtrees: [{ kind: 'dns', value: 'example.com' }],
          excludedSubtrees: [],
        }),
      ],
    });
    expect(own!.issuer.der).toEqual(root!.subject.der);
    const identity = { ...issuer.identity, chain: [own!, constrained.certificate] };
    expect(() => new IssuanceToken(accepted, identity, terms())).toThrow('name-constraints');
  });
});

describe('serial numbers', () => {
  it('are positive, of 16 octets, and never the same', () => {
    const numbers = new Set(Array.from({ length: 10_000 }, () => newSerialNumber()));
    expect(numbers.size).toBe(10_000);
    for (const number of numbers) expect(number).toMatch(/^(?!00)[0-7][0-9a-f]{31}$/);
  });
});

describe('the public key policy', () => {
  it('refuses RSA moduli with a small factor, and points that are not on their curve', () => {
    const spki = subjectPublicKeyInfoOf(generateTestKeyPair('RSA-2048').publicKey);
    checkPublicKey(spki);
    const even = write.sequence(write.integer(1n << 2047n), write.integer(65537));
    const parameters = { type: 'rsa', bits: 2048, exponent: 65537n } as const;
    expect(() => {
      checkPublicKey(new SubjectPublicKeyInfo(spki.der, spki.algorithm, even, parameters));
    }).toThrow('small factor');
    const ec = subjectPublicKeyInfoOf(generateTestKeyPair('P-256').publicKey);
    const offCurve = Uint8Array.from(ec.der);
    offCurve[offCurve.length - 1] = (offCurve[offCurve.length - 1] ?? 0) ^ 1;
    expect(() => {
      checkPublicKey(new SubjectPublicKeyInfo(offCurve, ec.algorithm, ec.key, ec.parameters));
    }).toThrow('not valid');
    expect(() => {
      checkPublicKey(new SubjectPublicKeyInfo(ec.der, ec.algorithm, ec.key, { type: 'other', oid: '1.2.3' }));
    }).toThrow('1.2.3');
  });
});
