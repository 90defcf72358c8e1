// What strangers could send to make a validation long: each input is refused, or accepted, by itself. The least of three runs, in CPU time.
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { contextConstructed, write } from '../src/der/index.js';
import {
  generateTestKeyPair,
  TestCa,
  type Issued,
  type TestCertificateOptions,
  type TestKeyType,
} from '../src/testing/index.js';
import {
  encodeExtensionOf,
  encodeName,
  Oid,
  validatePath,
  type Extension,
  type GeneralName,
  type Name,
  type PathInput,
} from '../src/x509/index.js';

const time = new Date();
const root = TestCa.root();
const der = ({ certificate }: Issued): Uint8Array => certificate.der;
const dns = (value: string): GeneralName => ({ kind: 'dns', value });
const title = (value: string): Name => encodeName([[{ type: Oid.title, value }]]);
const range = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, i) => make(i));
const input = (leaf: Issued, intermediates: readonly Issued[] = [], more: Partial<PathInput> = {}): PathInput => ({
  leaf: der(leaf),
  intermediates: intermediates.map(der),
  anchors: [der(root)],
  time,
  ...more,
});

const honest = (): PathInput => {
  const ca = root.intermediate();
  return input(ca.issue(), [ca]);
};

/** A leaf of an issuer that nobody knows, both under a name of 30 KiB. */
function underName(value: string): PathInput {
  const ca = TestCa.root({ subject: title(value) });
  return input(ca.issue({ subject: title(value) }), [ca]);
}

/** Names of half a mebibyte and more together, each of them another. */
const manyNames = (value: string): PathInput =>
  input(
    TestCa.root().issue(),
    range(40, (i) => TestCa.root({ subject: title(`${value}${i}`) })),
  );

function sameName(count: number, keyType: TestKeyType): PathInput {
  const bare = { without: [Oid.subjectKeyIdentifier, Oid.authorityKeyIdentifier] };
  const keyPairs = range(Math.min(count, 50), () => generateTestKeyPair(keyType));
  const cas = range(count, (i) =>
    root.intermediate({ ...bare, keyPair: keyPairs[i % keyPairs.length] ?? generateTestKeyPair(keyType) }),
  );
  return input(root.intermediate(bare).issue(bare), cas);
}

/** CAs of one name, each with a key of 3072 bits whose exponent is as long; the leaf is nobody's. */
function longExponents(): PathInput {
  const bare = { without: [Oid.subjectKeyIdentifier, Oid.authorityKeyIdentifier] };
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
  const own = TestCa.root({ ...bare, keyPair: { publicKey, privateKey }, commonName: 'Test Issuing CA' });
  const jwk = publicKey.export({ format: 'jwk' });
  const e = Buffer.alloc(384, 0x3f).toString('base64url');
  const cas = range(500, (i) => {
    const n = Buffer.from(jwk.n ?? '', 'base64url');
    n.writeUInt16BE(i, 200);
    const key = createPublicKey({ key: { kty: 'RSA', n: n.toString('base64url'), e }, format: 'jwk' });
    return root.intermediate({ ...bare, keyPair: { publicKey: key, privateKey } });
  });
  return input(own.issue(bare), cas);
}

/** Each of 18 CAs has certified every other, and each way from them to the root is barred. */
function crossed(nameOf: (index: number) => string): PathInput {
  const keyPairs = range(18, () => generateTestKeyPair());
  const cas = keyPairs.map((keyPair, i) => TestCa.root({ keyPair, commonName: nameOf(i) }));
  const all = cas.flatMap((ca, i) =>
    keyPairs.flatMap((keyPair, j) => (i === j ? [] : [ca.intermediate({ keyPair, commonName: nameOf(j) })])),
  );
  const extensions = [
    encodeExtensionOf.nameConstraints({ permittedSubtrees: [dns('good.example')], excludedSubtrees: [] }),
  ];
  const ways = keyPairs.map((keyPair, i) => root.intermediate({ keyPair, commonName: nameOf(i), extensions }));
  const other = (cas[9] ?? root).intermediate({ commonName: 'Other', extensions: [] });
  return input(other.issue({ names: [dns('good.example')], commonName: 'x' }), [other, ...all, ...ways.slice(0, 4)], {
    names: ['evil.example'],
  });
}

const rootAgain = (): PathInput => {
  const keyPair = { publicKey: createPublicKey(root.key), privateKey: root.key };
  const leaf = root.issue({ notAfter: new Date(time.getTime() - 1000) });
  return input(
    leaf,
    range(500, () => root.intermediate({ keyPair, commonName: 'Test Root CA' })),
  );
};

/** A chain of `count` CAs, each with the extensions that `extensionsOf` makes for its height. */
function chain(count: number, extensionsOf: (height: number) => readonly Extension[]): TestCa[] {
  const cas: TestCa[] = [];
  for (let i = 0; i < count; i++)
    cas.push((cas[i - 1] ?? root).intermediate({ commonName: `CA ${i}`, extensions: extensionsOf(i) }));
  return cas;
}

function constrained(): PathInput {
  const cas = chain(16, (height) => [
    encodeExtensionOf.nameConstraints({
      permittedSubtrees: [dns('example.com')],
      excludedSubtrees: range(2000, (i) => dns(`x${i}.l${height}.example.com`)),
    }),
  ]);
  return input((cas.at(-1) ?? root).issue({ names: range(2500, (i) => dns(`h${i}.example.com`)) }), cas);
}

/** Certificates that nobody signed, of the name and with the key or the key identifier of the CA that issued the leaf, and last the CA itself. */
function forged(count: number, more: (ca: TestCa) => TestCertificateOptions): PathInput {
  const [ca, fake] = [root.intermediate(), TestCa.root()];
  return input(ca.issue(), [...range(count, () => fake.intermediate(more(ca))), ca]);
}

const withItsKey = (ca: TestCa): TestCertificateOptions => ({
  keyPair: { publicKey: createPublicKey(ca.key), privateKey: ca.key },
  extensions: [
    encodeExtensionOf.nameConstraints({ permittedSubtrees: [], excludedSubtrees: range(3000, (i) => dns(`x${i}.c`)) }),
  ],
});

const withItsKeyIdentifier = ({ certificate: { extensions } }: TestCa): TestCertificateOptions => ({
  extensions: [encodeExtensionOf.subjectKeyIdentifier(extensions.subjectKeyIdentifier ?? new Uint8Array())],
});

/** 1500 CAs that exclude a directory, and a name of 30 KiB to be looked for in each. */
function excluded(): PathInput {
  const keyPair = generateTestKeyPair();
  const extensions = [
    encodeExtensionOf.nameConstraints({
      permittedSubtrees: [],
      excludedSubtrees: [{ kind: 'directory', value: title('x') }],
    }),
  ];
  return input(
    root.issue({ subject: title('\u3316'.repeat(10_000)) }),
    range(1500, () => root.intermediate({ keyPair, extensions })),
  );
}

function mapped(): PathInput {
  const pairs = range(250, (i) => [`1.2.3.${i % 16}`, `1.2.3.${i >> 4}`] as const);
  const extensions = [
    encodeExtensionOf.certificatePolicies([...range(250, (i) => `1.2.3.${i}`), Oid.anyPolicy]),
    {
      oid: Oid.policyMappings,
      critical: true,
      value: write.sequence(...pairs.map(([from, to]) => write.sequence(write.oid(from), write.oid(to)))),
    },
  ];
  const cas = chain(17, () => extensions);
  const leaf = (cas.at(-1) ?? root).issue({ extensions: extensions.slice(0, 1) });
  return input(leaf, cas, { initialExplicitPolicy: true, initialPolicySet: ['1.2.9'] });
}

function listsOfKeys(): PathInput {
  const twins = range(30, () => root.intermediate({ commonName: 'Test Root CA' }));
  const crls = range(300, (i) => (twins[i % 30] ?? root).crl());
  return input(root.issue(), twins, { crls, revocationRequired: true });
}

/** A CRL of 2.5 MB that none of 600 keys of its issuer's name signed. */
function listOfNobody(): PathInput {
  const entries = Array<Issued>(60_000).fill(root);
  const twins = range(600, () => root.intermediate({ commonName: 'Test Root CA' }));
  return input(root.issue(), twins, { crls: [TestCa.root().crl(entries)] });
}

/** 60 points of 130 names in the leaf, and 4000 names in the scope of each CRL. */
function points(): PathInput {
  const names = (prefix: string, count: number): Uint8Array => {
    const uris = range(count, (i) => write.element(0x86, Buffer.from(`${prefix}${i.toString(36)}`)));
    return write.explicit(0, write.element(contextConstructed(0), ...uris));
  };
  const named: Extension = {
    oid: Oid.crlDistributionPoints,
    critical: false,
    value: write.sequence(...range(60, (i) => write.sequence(names(`a${i}`, 130)))),
  };
  const scope = { oid: Oid.issuingDistributionPoint, critical: true, value: write.sequence(names('b', 4000)) };
  const crls = range(20, () => root.crl([], { extensions: [encodeExtensionOf.crlNumber(1n), scope] }));
  return input(root.issue({ extensions: [named] }), [], { crls, revocationRequired: true });
}

const CASES: Readonly<Record<string, () => PathInput>> = {
  'an honest path': honest,
  'a name of combining marks': () => underName('\u0301'.repeat(7000) + '\u0323'.repeat(7000)),
  'a name of marks, thirty in a row': () => underName(`a${'\u0301\u0323'.repeat(15)}`.repeat(480)),
  'a name of words in one character': () => underName('\ufdfa'.repeat(8) + '\u3316'.repeat(9000)),
  'names of words, 1 MiB': () => manyNames('\u3316'.repeat(4500)),
  '1000 CAs of one name, P-256': () => sameName(1000, 'P-256'),
  '300 CAs of one name, P-521': () => sameName(300, 'P-521'),
  '1000 CAs of one name, RSA-2048': () => sameName(1000, 'RSA-2048'),
  '500 CAs of one name, RSA-3072 with long exponents': longExponents,
  'cross-signed CAs of one name': () => crossed(() => 'CA'),
  'cross-signed CAs of many names': () => crossed((i) => `CA ${i}`),
  'the root, certified by itself 500 times': rootAgain,
  'sixteen times 2000 constraints on 2500 names': constrained,
  '1500 constraints on one long name': excluded,
  '30 forged CAs with 3000 constraints each': () => forged(30, withItsKey),
  '1000 forged CAs with the key identifier': () => forged(1000, withItsKeyIdentifier),
  '250 policies mapped seventeen times': mapped,
  '300 CRLs of 30 keys of one name': listsOfKeys,
  'a large CRL and 600 keys of its name': listOfNobody,
  '20 CRLs and 60 points of many names': points,
};

let baseline = 0;
for (const [name, make] of Object.entries(CASES)) {
  const hostile = make();
  let [least, says] = [Infinity, ''];
  for (let run = 0; run < 3; run++) {
    const before = process.cpuUsage();
    const result = validatePath(hostile);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
    says = result.ok ? 'ok' : result.reason.code;
  }
  baseline ||= least;
  console.log(
    process.argv.includes('--json')
      ? JSON.stringify({ bench: 'paths', case: name, value: least, unit: 'ms', says, ratio: least / baseline })
      : `paths  ${name.padEnd(50)} ${least.toFixed(1).padStart(8)} ms  ${says}`,
  );
}
