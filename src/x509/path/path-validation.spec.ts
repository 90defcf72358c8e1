import { createPublicKey, hash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { context, write } from '../../der/index.js';
import { generateTestKeyPair, TestCa } from '../../testing/index.js';
import {
  decodeCertificateList,
  distributionPointsOf,
  encodeExtensionOf,
  encodeName,
  KeyUsage,
  nameFrom,
  Oid,
  type Certificate,
  type GeneralName,
} from '../index.js';
import { PathValidation, type ValidationInput } from './path-validation.js';
import { ValidatedPath } from './validated-path.js';

// What one call may spend: see work-budget.ts.
const SIGNATURES = 640;
const STEPS = 60_000;

const root = TestCa.root();

const RULES = {
  time: new Date(),
  purposes: [],
  extendedKeyUsageRequired: false,
  names: [],
  possessionProven: false,
  maxPathLength: Infinity,
  policies: {},
};

function run(leaf: Certificate, intermediates: readonly Certificate[], input: Partial<ValidationInput> = {}) {
  const validation = new PathValidation({
    leaf,
    intermediates,
    anchors: [root.certificate],
    crls: [],
    revocationRequired: false,
    rules: RULES,
    ...input,
  });
  const result = validation.run();
  expect(validation.work.spent.signatures).toBeLessThanOrEqual(SIGNATURES + 256);
  expect(validation.work.spent.steps).toBeLessThanOrEqual(STEPS + 5000);
  return { code: result instanceof ValidatedPath ? 'ok' : result.code, ...validation.work.spent };
}

describe('hostile sets of intermediates', () => {
  const COUNT = 18;
  const pairs = Array.from({ length: COUNT }, () => generateTestKeyPair());
  const only = encodeExtensionOf.nameConstraints({
    permittedSubtrees: [{ kind: 'dns', value: 'good.example' }],
    excludedSubtrees: [],
  });

  // Each CA has certified every other: 306 certificates, and more paths than atoms.
  it.each([
    ['of one name', () => 'Evil CA'],
    ['of many names', (i: number) => `Evil CA ${i}`],
  ])('mutually cross-signed, %s, end', (_, nameOf) => {
    const cas = pairs.map((keyPair, i) => TestCa.root({ keyPair, commonName: nameOf(i) }));
    const crossed = cas.flatMap((ca, i) =>
      pairs.flatMap((keyPair, j) => (i === j ? [] : [ca.intermediate({ keyPair, commonName: nameOf(j) }).certificate])),
    );
    const issued = cas[0]!.issue({ names: [{ kind: 'dns', value: 'evil.example' }] }).certificate;
    // No name leads to an anchor: nothing is verified.
    expect(run(issued, crossed)).toMatchObject({ code: 'untrusted', signatures: 0 });
    const way = (options = {}) =>
      root.intermediate({ keyPair: pairs[COUNT - 1]!, commonName: nameOf(COUNT - 1), ...options }).certificate;
    // A way in through constraints that every path breaks.
    expect(run(issued, [...crossed, way({ extensions: [only] })]).code).toBe('name_constraints');
    // And a way in that holds.
    expect(run(issued, [...crossed, way({ extensions: [only] }), way()]).code).toBe('ok');
  });

  it('that claim to be from the anchor, by hundreds, end', () => {
    const fake = TestCa.root();
    const keyPair = generateTestKeyPair();
    const claim = encodeExtensionOf.authorityKeyIdentifier({
      keyIdentifier: root.certificate.extensions.subjectKeyIdentifier,
    });
    const claims = Array.from({ length: 700 }, () => fake.intermediate({ keyPair, extensions: [claim] }).certificate);
    const issued = fake.intermediate({ keyPair }).issue().certificate;
    expect(run(issued, claims).code).toBe('work_limit');
    const real = root.intermediate({ keyPair }).certificate;
    expect(run(issued, [...claims.slice(0, 300), real]).code).toBe('ok');
  });

  it('with the key identifier of a CA of the path, or of who signed a CRL, are not looked at before it', () => {
    const [made, renewed] = [root.intermediate(), root.intermediate({ commonName: 'Test Root CA' })];
    // As Go makes it, of SHA-256; the other is of SHA-1.
    const identifier = hash('sha256', made.certificate.publicKey.key, 'buffer').subarray(0, 20);
    const extensions = [encodeExtensionOf.subjectKeyIdentifier(identifier)];
    const issuing = root.intermediate({ keyPair: keyPairOf(made), extensions });
    const like = ({ certificate: { subject, extensions } }: TestCa) => ({
      subject,
      extensions: [encodeExtensionOf.subjectKeyIdentifier(extensions.subjectKeyIdentifier!)],
      notAfter: new Date(Date.UTC(2100, 0)),
    });
    const posing = [issuing, renewed].flatMap((ca) =>
      Array.from({ length: 40 }, () => root.intermediate({ ...like(ca), keyType: 'P-384' }).certificate),
    );
    const { certificate } = issuing.issue();
    const certificates = [...posing, issuing.certificate, renewed.certificate];
    expect(run(certificate, certificates)).toMatchObject({ code: 'ok', signatures: 2 });
    const crls = [renewed.crl(), issuing.crl(), root.crl()].map(decodeCertificateList);
    const found = run(certificate, certificates, { crls, revocationRequired: true });
    expect(found).toMatchObject({ code: 'ok' });
    expect(found.signatures).toBeLessThan(10);
  });

  it('that a large CRL is tried with, end', () => {
    const large = { oid: '1.2.3.4', critical: false, value: Buffer.alloc(1024 * 1024) };
    const crls = [decodeCertificateList(TestCa.root().crl([], { extensions: [large] }))];
    const twins = Array.from({ length: 60 }, () => root.intermediate({ commonName: 'Test Root CA' }).certificate);
    const issued = root.issue().certificate;
    expect(run(issued, twins.slice(0, 6), { crls }).code).toBe('ok');
    expect(run(issued, twins, { crls }).code).toBe('work_limit');
  });

  it('that forge the CAs of the path, with thousands of constraints in each, do not keep from it', () => {
    const issuing = root.intermediate();
    const excludedSubtrees = Array.from({ length: 3000 }, (_, i) => ({ kind: 'dns' as const, value: `x${i}.example` }));
    const extensions = [encodeExtensionOf.nameConstraints({ permittedSubtrees: [], excludedSubtrees })];
    const fake = TestCa.root();
    const forged = [keyPairOf(issuing), generateTestKeyPair()].flatMap((keyPair) =>
      Array.from({ length: 15 }, () => fake.intermediate({ keyPair, extensions }).certificate),
    );
    const { certificate } = issuing.issue({ names: [{ kind: 'dns', value: 'a.example' }] });
    expect(run(certificate, [...forged, issuing.certificate]).code).toBe('ok');
  });

  it('whose constraints are many, on one long name, end', () => {
    const bars = encodeExtensionOf.nameConstraints({
      permittedSubtrees: [],
      excludedSubtrees: [{ kind: 'directory', value: nameFrom({ commonName: 'x' }) }],
    });
    const certificates = pairs
      .flatMap((keyPair) => Array.from({ length: 20 }, () => ({ keyPair, extensions: [bars] })))
      .map((options) => root.intermediate(options).certificate);
    const { certificate } = root.issue({ subject: nameFrom({ commonName: '\u3316'.repeat(10_000) }) });
    expect(run(certificate, certificates).code).toBe('ok');
    // They are foreseen to forbid it up to a bound of its own.
    expect(run(certificate, certificates).steps).toBeLessThan(1000);
  });

  it('that only slow keys verify cost no more', () => {
    const fake = TestCa.root({ keyType: 'P-384' });
    const identifier = encodeExtensionOf.subjectKeyIdentifier(Buffer.from('same'));
    const cas = Array.from({ length: 150 }, () =>
      root.intermediate({ keyPair: generateTestKeyPair('P-384'), extensions: [identifier] }),
    );
    const issued = fake.issue({
      subject: cas[0]!.certificate.subject,
      extensions: [encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Buffer.from('same') })],
    });
    const renamed = TestCa.root({ keyPair: keyPairOf(fake), commonName: 'Test Issuing CA' }).issue({
      extensions: [encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Buffer.from('same') })],
    });
    expect(
      run(
        issued.certificate,
        cas.map(({ certificate }) => certificate),
      ).code,
    ).toBe('untrusted');
    expect(
      run(
        renamed.certificate,
        cas.map(({ certificate }) => certificate),
      ),
    ).toMatchObject({ code: 'work_limit' });
  });
});

describe('reasonable sets of intermediates', () => {
  it('of one name, nearly all expired or of other keys, hold the way', () => {
    const issuing = root.intermediate();
    const keyPair = keyPairOf(issuing);
    const past = { notBefore: new Date(0), notAfter: new Date(86_400_000) };
    const expired = Array.from({ length: 50 }, () => root.intermediate({ keyPair, ...past }).certificate);
    const others = Array.from({ length: 50 }, () => root.intermediate().certificate);
    const { certificate } = issuing.issue();
    const found = run(certificate, [...expired, ...others, issuing.certificate]);
    expect(found.code).toBe('ok');
    // The key identifier told them apart.
    expect(found.signatures).toBe(2);
    expect(run(certificate, [...expired, ...others]).code).toBe('expired');
  });

  it('without key identifiers are tried one by one', () => {
    const bare = { without: ['2.5.29.14', '2.5.29.35'] };
    const issuing = root.intermediate(bare);
    const others = Array.from({ length: 100 }, () => root.intermediate(bare).certificate);
    expect(run(issuing.issue(bare).certificate, [...others, issuing.certificate]).code).toBe('ok');
  });

  it('of a long chain lead up to it, and one too long does not', () => {
    const chain = [root.intermediate({ commonName: 'CA 0' })];
    for (let i = 1; i < 19; i++) chain.push(chain[i - 1]!.intermediate({ commonName: `CA ${i}` }));
    const certificates = chain.map(({ certificate }) => certificate).reverse();
    expect(run(chain[17]!.issue().certificate, certificates).code).toBe('ok');
    expect(run(chain[18]!.issue().certificate, certificates).code).toBe('untrusted');
  });
});

it('bounds names times constraints', () => {
  const names = Array.from({ length: 2500 }, (_, i) => ({ kind: 'dns' as const, value: `h${i}.example.com` }));
  const excludedSubtrees = Array.from({ length: 2500 }, (_, i) => ({
    kind: 'dns' as const,
    value: `x${i}.example.com`,
  }));
  const ca = root.intermediate({
    extensions: [
      encodeExtensionOf.nameConstraints({
        permittedSubtrees: [{ kind: 'dns', value: 'example.com' }],
        excludedSubtrees,
      }),
    ],
  });
  expect(run(ca.issue({ names }).certificate, [ca.certificate]).code).toBe('ok');
});

describe('names that take many looks to compare', () => {
  const long = 'a.'.repeat(120);
  const address = (i: number) => Uint8Array.from([...Array<number>(14).fill(3), i >> 8, i & 255]);
  const mask = (bits: number) =>
    Uint8Array.from({ length: 16 }, (_, i) => 256 - 2 ** (8 - Math.min(8, Math.max(0, bits - i * 8))));
  const networks = Array.from({ length: 128 }, (_, i) => Buffer.concat([Buffer.alloc(16, 0xff), mask(i + 1)]));
  const directory = (i: number) =>
    encodeName(Array.from({ length: 40 }, () => [{ type: Oid.commonName, value: `é${i}` }]));

  it.each<[string, readonly GeneralName[], (i: number) => GeneralName]>([
    ['addresses', networks.map((value) => ({ kind: 'ip', value })), (i) => ({ kind: 'ip', value: address(i) })],
    ['long DNS names', [{ kind: 'dns', value: 'x' }], (i) => ({ kind: 'dns', value: `b${i}.${long}c` })],
    ['long hosts of URIs', [{ kind: 'uri', value: '.x' }], (i) => ({ kind: 'uri', value: `a://b${i}.${long}c` })],
    ['long domains of mail', [{ kind: 'email', value: '.x' }], (i) => ({ kind: 'email', value: `a@b${i}.${long}c` })],
    [
      'directory names',
      [{ kind: 'directory', value: nameFrom({ commonName: 'x' }) }],
      (i) => ({ kind: 'directory', value: directory(i) }),
    ],
  ])('are paid for by their looks, and no CA that nobody signed uses them up: %s', (_, excludedSubtrees, nameOf) => {
    const extensions = [encodeExtensionOf.nameConstraints({ permittedSubtrees: [], excludedSubtrees })];
    const chain = [root.intermediate({ extensions })];
    for (let i = 1; i < 15; i++) chain.push(chain[i - 1]!.intermediate({ commonName: `CA ${i}`, extensions }));
    const names = (count: number) => Array.from({ length: count }, (_, i) => nameOf(i));
    const certificates = chain.map(({ certificate }) => certificate);
    expect(run(chain[14]!.issue({ names: names(3) }).certificate, certificates).code).toBe('ok');
    expect(run(chain[14]!.issue({ names: names(80) }).certificate, certificates).code).toBe('work_limit');
    const forged = Array.from({ length: 60 }, () => TestCa.root().intermediate({ extensions }).certificate);
    const { certificate } = chain[0]!.issue({ names: names(80) });
    expect(run(certificate, [...forged, chain[0]!.certificate]).code).toBe('ok');
  });

  it('are paid for in constraints too', () => {
    const value = encodeName([[{ type: Oid.commonName, value: '\u1fb3\u0345é'.repeat(4000) }]]);
    const extensions = [
      encodeExtensionOf.nameConstraints({ permittedSubtrees: [], excludedSubtrees: [{ kind: 'directory', value }] }),
    ];
    const chain = [root.intermediate({ extensions })];
    for (let i = 1; i < 18; i++) chain.push(chain[i - 1]!.intermediate({ commonName: `CA ${i}`, extensions }));
    const certificates = chain.map(({ certificate }) => certificate);
    expect(run(chain[2]!.issue().certificate, certificates).code).toBe('ok');
    expect(run(chain[17]!.issue().certificate, certificates).code).toBe('work_limit');
  });
});

describe('where many ways lead to the anchor', () => {
  const uri = (value: string): Uint8Array => write.explicit(0, write.element(0xa0, write.ia5String(value, context(6))));
  // More ways to the anchor than are looked at, each valid but for revocation, which nobody knows.
  const points = write.sequence(...Array.from({ length: 64 }, (_, i) => write.sequence(uri(`http://a/${i}`))));
  const extensions = [{ oid: Oid.crlDistributionPoints, critical: false, value: points }];
  const ways: TestCa[] = [root];
  for (let i = 0; i < 8; i++) {
    const [options, above] = [{ commonName: `CA ${i}`, keyPair: generateTestKeyPair() }, ways.at(-1)!];
    ways.push(above.intermediate(options), above.intermediate(options));
  }
  const certificates = ways.slice(1).map(({ certificate }) => certificate);
  const pretended = TestCa.root({ commonName: 'CA 7' });

  it('lists of other places that nobody signed end, beside a certificate with many points', () => {
    const { certificate } = ways.at(-1)!.issue({ extensions });
    const crls = Array.from({ length: 30 }, (_, i) => {
      const value = write.sequence(uri(`http://b/${i}`));
      return decodeCertificateList(
        pretended.crl([], { extensions: [{ oid: Oid.issuingDistributionPoint, critical: true, value }] }),
      );
    });
    const few = run(certificate, certificates, { crls: crls.slice(0, 2), revocationRequired: true });
    expect(few).toMatchObject({ code: 'revocation_unknown' });
    expect(few.steps).toBeLessThan(STEPS);
    expect(run(certificate, certificates, { crls, revocationRequired: true }).steps).toBeGreaterThan(STEPS);
  });

  it('lists with many who could have signed them, but may not, end', () => {
    const keyUsage = encodeExtensionOf.keyUsage([KeyUsage.keyCertSign]);
    const mayNot = Array.from(
      { length: 100 },
      () => pretended.intermediate({ commonName: 'CA 7', extensions: [keyUsage] }).certificate,
    );
    const crls = Array.from({ length: 4 }, () => decodeCertificateList(TestCa.root({ commonName: 'CA 7' }).crl()));
    const { certificate } = ways.at(-1)!.issue();
    const spentBeside = (more: readonly Certificate[]) =>
      run(certificate, [...certificates, ...more], { crls, revocationRequired: true }).steps;
    expect(spentBeside([])).toBeLessThan(STEPS);
    expect(spentBeside(mayNot)).toBeGreaterThan(STEPS);
  });

  it('each of them is paid for, and each look for revocation', () => {
    const { certificate } = ways.at(-1)!.issue();
    const checked = 200 * 10 * 2;
    expect(run(certificate, certificates, { accepts: () => false }).steps).toBeGreaterThan(checked);
    const asked = 200 * 9 * 8;
    expect(run(certificate, certificates, { revocationRequired: true }).steps).toBeGreaterThan(checked + asked);
  });

  it('the names of the leaf are looked at once', () => {
    let looks = 0;
    const name = Object.defineProperty({ kind: 'dns' as const, value: 'a.example' }, 'kind', {
      get: () => (looks++, 'dns' as const),
    });
    const { certificate } = ways.at(-1)!.issue({ names: [name] });
    looks = 0;
    let asked = 0;
    const accepts = (): boolean => (asked++, false);
    const rules = { ...RULES, names: [name] };
    expect(run(certificate, certificates, { accepts, rules }).code).toBe('revoked');
    expect([asked, looks]).toEqual([200, 1]);
  });

  it('the names of distribution points are put together once', () => {
    expect(distributionPointsOf(root.certificate)).toBe(distributionPointsOf(root.certificate));
  });
});

function keyPairOf({ key }: { readonly key: ReturnType<typeof generateTestKeyPair>['privateKey'] }) {
  return { publicKey: createPublicKey(key), privateKey: key };
}

it('finds the one long way through a set where all the short ones are barred', () => {
  // Every CA certified every other, but only one chain of them all is without constraints that bar the leaf.
  const count = 9;
  const barred = encodeExtensionOf.nameConstraints({
    permittedSubtrees: [],
    excludedSubtrees: [{ kind: 'dns', value: 'a.example' }],
  });
  const pairs = Array.from({ length: count }, () => generateTestKeyPair());
  const cas = pairs.map((keyPair, i) => TestCa.root({ keyPair, commonName: `CA ${i}` }));
  const pool = cas.flatMap((ca, i) =>
    pairs.flatMap((keyPair, j) =>
      i === j
        ? []
        : [ca.intermediate({ keyPair, commonName: `CA ${j}`, extensions: i === j + 1 ? [] : [barred] }).certificate],
    ),
  );
  const last = root.intermediate({ keyPair: pairs[count - 1]!, commonName: `CA ${count - 1}` }).certificate;
  const { certificate } = cas[0]!.issue({ names: [{ kind: 'dns', value: 'a.example' }] });
  expect(run(certificate, [...pool, last])).toMatchObject({ code: 'ok', signatures: count + 1 });
});
