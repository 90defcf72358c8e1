import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { certificationRequest } from '../../../test/support/certification-request.js';
import { temporaryFolder } from '../../../test/support/folder.js';
import {
  openTemporaryAuthority,
  somebody,
  temporarySettings,
  type TemporaryAuthority,
} from '../../../test/support/temporary-authority.js';
import { generateTestKeyPair } from '../../testing/index.js';
import {
  encodedOnce,
  encodeExtensionOf,
  KeyUsage,
  nameFrom,
  nameToString,
  Oid,
  subjectPublicKeyInfoOf,
  TlsFeature,
  validateCertificatePath,
  type Certificate,
  type Extension,
  type GeneralName,
  type SubjectPublicKeyInfo,
} from '../../x509/index.js';
import type { ProfileDefinition } from './profile-definition.js';
import { profileExtensions } from './profile-extensions.js';

const OWN: readonly ProfileDefinition[] = [
  { name: 'short', purposes: ['clientAuth'], maximumLifetime: 86_400, noRevocation: true },
  { name: 'stapled', purposes: ['serverAuth'], maximumLifetime: 86_400, mustStaple: true },
];

const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

describe('what the profiles write', () => {
  let temporary: TemporaryAuthority;
  beforeAll(async () => {
    const settings = { ...temporarySettings(temporaryFolder()), profiles: OWN };
    temporary = await openTemporaryAuthority({ settings });
  });
  afterAll(() => temporary.close());

  const issue = async (profile: string): Promise<Certificate> =>
    (await temporary.authority.ca.issue({ request: certificationRequest(), profile, requester: somebody })).certificate;
  const intermediate = (more: object = {}, commonName = 'Plant 7 CA', key = generateTestKeyPair().privateKey) =>
    temporary.authority.ca.issueIntermediate({
      request: certificationRequest({ key, commonName }),
      requester: somebody,
      ...more,
    });
  const flagsOf = ({ extensions }: Certificate) => ({
    lists: extensions.crlDistributionPoints?.length,
    methods: extensions.authorityInfoAccess?.map(({ accessMethod }) => accessMethod),
    noRevAvail: extensions.all.get(Oid.noRevAvail),
    ocspNoCheck: extensions.all.get(Oid.ocspNoCheck),
    tlsFeature: extensions.tlsFeature,
    keyUsage: [...(extensions.keyUsage ?? [])],
    purposes: extensions.extendedKeyUsage,
  });
  const usual = {
    lists: 1,
    methods: [Oid.caIssuers],
    noRevAvail: undefined,
    ocspNoCheck: undefined,
    tlsFeature: undefined,
    keyUsage: [KeyUsage.digitalSignature],
  };

  it('noRevocation: noRevAvail, not critical, and no location of a list or a responder', async () => {
    const noRevAvail = encodeExtensionOf.noRevAvail();
    expect(noRevAvail).toEqual({ oid: '2.5.29.56', critical: false, value: Buffer.of(5, 0) });
    expect(flagsOf(await issue('short'))).toEqual({
      ...usual,
      lists: undefined,
      noRevAvail: expect.objectContaining({ critical: false }),
      purposes: [Oid.clientAuth],
    });
  });

  it('a profile that is there no more gives nothing to who has a certificate or a token of it', async () => {
    const { serialNumber, fingerprint256 } = await issue('short');
    const terms = { service: 'orders', profile: 'short', requester: somebody };
    const { token } = await temporary.authority.enrollment.createToken(terms);
    const { ca, enrollment } = await temporary.reopen({
      settings: { ...temporary.settings, profiles: [] },
      create: false,
    });
    const holder = { serialNumber, fingerprint256 };
    for (const attempt of [
      ca.renew({ request: certificationRequest(), holder, requester: somebody }),
      enrollment.enroll({ token, request: () => certificationRequest(), requestId: 'test' }),
    ])
      await expect(attempt).rejects.toMatchObject({ code: 'profile_unknown' });
  });

  it('what a profile fixes is encoded once, for each issuer, shard and kind of key', () => {
    const { profiles, issuing } = temporary.authority.ca;
    const { identity } = issuing.issuer;
    const write = (publicKey: SubjectPublicKeyInfo, more: object = {}, issuer = identity): readonly Extension[] =>
      profileExtensions(profiles.named('service'), {
        issuer,
        publicKey,
        names: [{ kind: 'dns', value: 'orders' }],
        publicationUrl: 'http://ca.example',
        ...more,
      });
    const [ec, rsa] = [subjectPublicKeyInfoOf(generateTestKeyPair().privateKey), subjectPublicKeyInfoOf(rsaKey)];
    const first = write(ec);
    const oids = (extensions: readonly Extension[]): string[] => extensions.map(({ oid }) => oid);
    const fresh = (extensions: readonly Extension[], before = first): string[] =>
      oids(extensions.filter((each) => !before.includes(each)));
    const own = [Oid.subjectKeyIdentifier, Oid.subjectAltName];
    expect(fresh(write(ec))).toEqual(own);
    expect(fresh(write(rsa))).toEqual([Oid.keyUsage, ...own]);
    expect(write(ec, { crlShard: 3 }).find(({ oid }) => oid === Oid.crlDistributionPoints)).toEqual(
      encodedOnce(encodeExtensionOf.crlDistributionPoints(['http://ca.example/crl/issuing/3.crl'])),
    );
    expect(fresh(write(ec, {}, { ...identity }))).toEqual(oids(first));
  });

  it('mustStaple: status_request among the features', async () => {
    expect(flagsOf(await issue('stapled'))).toEqual({
      ...usual,
      tlsFeature: [TlsFeature.statusRequest],
      purposes: [Oid.serverAuth],
    });
  });

  it('ocsp-responder: OCSPSigning alone, and nobody asks about it', async () => {
    expect(flagsOf(await issue('ocsp-responder'))).toEqual({
      ...usual,
      lists: undefined,
      ocspNoCheck: expect.objectContaining({ critical: false }),
      purposes: [Oid.ocspSigning],
    });
  });

  it('crl-issuer: cRLSign alone, no purpose, for any key', async () => {
    expect(flagsOf(await issue('crl-issuer'))).toEqual({
      ...usual,
      keyUsage: [KeyUsage.cRLSign],
      purposes: undefined,
    });
    const request = certificationRequest({ key: generateTestKeyPair('RSA-2048').privateKey });
    for (const profile of ['crl-issuer', 'ocsp-responder']) {
      const { certificate } = await temporary.authority.ca.issue({ request, profile, requester: somebody });
      expect(certificate.extensions.keyUsage?.size).toBe(1);
    }
  });

  it.each(['ocsp-responder', 'crl-issuer'])('%s: not by a token, nor by holding one', async (profile) => {
    const { authority } = temporary;
    await expect(
      authority.enrollment.createToken({ service: 'orders', profile, requester: somebody }),
    ).rejects.toMatchObject({ code: 'profile_not_allowed', status: 403 });
    const { serialNumber, fingerprint256 } = await issue(profile);
    const wanted = { holder: { serialNumber, fingerprint256 }, requester: somebody };
    for (const attempt of [
      authority.ca.issueToHolder({ ...wanted, request: certificationRequest() }),
      authority.ca.renew({ ...wanted, request: certificationRequest() }),
    ])
      await expect(attempt).rejects.toMatchObject({ code: 'profile_not_allowed' });
  });

  it('intermediate: a CA below the root, with its path length and constraints, that certifies', async () => {
    const nameConstraints = { permittedSubtrees: [dns('example.org')], excludedSubtrees: [dns('hr.example.org')] };
    const { certificate, chain } = await intermediate({ nameConstraints, lifetime: 86_400 });
    expect(nameToString(certificate.subject)).toBe('CN=Plant 7 CA,O=VERITAS Framework');
    expect(certificate.extensions).toMatchObject({
      basicConstraints: { cA: true, pathLenConstraint: 0 },
      nameConstraints,
      extendedKeyUsage: undefined,
    });
    expect([...(certificate.extensions.keyUsage ?? [])]).toEqual([KeyUsage.keyCertSign, KeyUsage.cRLSign]);
    expect(chain[0]).toBe(certificate);
    const [root] = temporary.authority.ca.authorities;
    expect(certificate.issuer.key).toBe(root?.certificate.subject.key);
    const row = await temporary.authority.ca.find(certificate.serialNumber);
    expect(row).toMatchObject({ profile: 'intermediate', service: null, issuer: 'root' });
    const input = { leaf: certificate, intermediates: [], anchors: [root!.certificate], purposes: [] };
    expect(validateCertificatePath({ ...input, time: new Date() })).toMatchObject({ ok: true });
  });

  it.each<[string, string, () => Promise<unknown>]>([
    ['below an issuing CA', 'ca_below_not_allowed', () => intermediate({ issuer: 'issuing' })],
    ['below nobody', 'issuer_unknown', () => intermediate({ issuer: 'nobody' })],
    ['a path that is too long', 'ca_limits_not_allowed', () => intermediate({ pathLenConstraint: 9 })],
    ['the name of a CA of ours', 'subject_not_allowed', () => intermediate({}, 'VERITAS Root CA')],
    ['the name that the next CA of ours has', 'subject_not_allowed', () => intermediate({}, 'Veritas issuing CA 2')],
    ['that name with a digit of another form', 'subject_not_allowed', () => intermediate({}, 'VERITAS Issuing CA ②')],
    ['a name with a line break', 'subject_not_allowed', () => intermediate({}, 'Plant\n7')],
    ['a life of eleven years', 'lifetime_not_allowed', () => intermediate({ lifetime: 11 * 365 * 86_400 })],
    ['a weak key', 'public_key_not_allowed', () => intermediate({}, 'X', generateTestKeyPair('RSA-1024').privateKey)],
    [
      'names',
      'extension_not_allowed',
      () => intermediate({ request: asking(encodeExtensionOf.subjectAltName([dns('a')])) }),
    ],
    [
      'another path length',
      'ca_limits_not_allowed',
      () => intermediate({ request: asking(encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: 3 })) }),
    ],
    [
      'CA:FALSE',
      'ca_limits_not_allowed',
      () =>
        intermediate({
          request: asking(encodeExtensionOf.basicConstraints({ cA: false, pathLenConstraint: undefined })),
        }),
    ],
    [
      'digitalSignature',
      'key_usage_not_allowed',
      () => intermediate({ request: asking(encodeExtensionOf.keyUsage([KeyUsage.digitalSignature])) }),
    ],
    [
      'constraints that no verifier reads',
      'lint_failed',
      () => intermediate({ nameConstraints: { permittedSubtrees: [dns('.x')], excludedSubtrees: [] } }),
    ],
  ])('intermediate, %s: %s', async (_, code, attempt) => {
    await expect(attempt()).rejects.toMatchObject({ name: 'PkiError', code });
  });

  it('intermediate is a profile of no door', async () => {
    await expect(issue('intermediate')).rejects.toMatchObject({ code: 'profile_unknown' });
  });
});

const dns = (value: string): GeneralName => ({ kind: 'dns', value });
const asking = (extension: ReturnType<typeof encodeExtensionOf.keyUsage>) =>
  certificationRequest({ subject: nameFrom({ commonName: 'Plant 7 CA' }), extensions: [extension] });
