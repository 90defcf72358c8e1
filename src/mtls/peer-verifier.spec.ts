import { describe, expect, test } from '@jest/globals';
import type { RevocationMode } from '../revocation/index.js';
import { generateTestKeyPair, TestCa } from '../testing/index.js';
import { encodeExtensionOf, Oid } from '../x509/index.js';
import type { VerifiedClientIdentity } from './client-identity.js';
import type { MtlsRefusal } from './mtls.errors.js';
import { PeerVerifier, type VerifierPolicy } from './peer-verifier.js';
import { presentedCertificate, type Peer } from './peer-certificate.js';
import { ServiceRoles } from './service-roles.js';
import type { OnObjection } from './shadowed-request.js';
import { readTrustAnchors, type TrustAnchors } from './trust-anchors.js';

const ca = TestCa.root();
const stranger = TestCa.root().issue({ commonName: 'billing' });

function verifierWith(
  change: Partial<VerifierPolicy>,
  { certificate: { der } } = stranger,
  above: readonly Uint8Array[] = [],
): {
  identify: (grace?: number, objected?: OnObjection) => unknown;
  readings: () => number;
  refusal: (grace?: number) => MtlsRefusal | undefined;
} {
  let readings = 0;
  const trust = readTrustAnchors(ca.certificatePem);
  const peer: Peer = {
    connection: {},
    certificate: () => {
      readings++;
      return presentedCertificate(der, above);
    },
  };
  const verifier = new PeerVerifier({
    peerOf: () => peer,
    trust: () => trust,
    issuerOrganization: undefined,
    serviceFrom: ['cn'],
    revocationMode: 'off',
    revocation: { epoch: 0, statusOf: () => ({ status: 'good', source: 'nowhere' }) },
    allowList: () => ({ allowed: true }),
    roles: new ServiceRoles(),
    clock: () => Date.now(),
    reportUnknown: () => undefined,
    ...change,
  });
  return {
    identify: (grace = 0, objected) => verifier.identify({} as never, false, grace, objected),
    readings: () => readings,
    refusal: (grace = 0) => verifier.refusalOf(peer.connection, grace),
  };
}

test('a certificate that was refused is not validated again on its connection, until the trust changes', () => {
  let trust: TrustAnchors = readTrustAnchors(ca.certificatePem);
  const { identify, readings } = verifierWith({ trust: () => trust });
  for (let i = 0; i < 3; i++) expect(identify).toThrow(expect.objectContaining({ code: 'untrusted_issuer' }));
  expect(readings()).toBe(1);
  trust = readTrustAnchors(ca.certificatePem);
  expect(identify).toThrow(expect.objectContaining({ code: 'untrusted_issuer' }));
  expect(readings()).toBe(2);
});

test('what says that nothing is published about its revocation passes where nobody knows of one; its CA does not', () => {
  const noRevAvail = { extensions: [encodeExtensionOf.noRevAvail()] };
  const short = ca.issue({ commonName: 'billing', ...noRevAvail });
  const unknown = { status: 'unknown', source: 's', why: 'it is gone' } as const;
  const hard = (answer: typeof unknown, of: string, leaf = short) =>
    verifierWith(
      {
        revocationMode: 'hard-fail',
        revocation: {
          epoch: 0,
          statusOf: ({ serialNumber }) => (serialNumber === of ? answer : { status: 'good', source: 's' }),
        },
      },
      leaf,
    ).identify;
  expect(hard(unknown, short.certificate.serialNumber)()).toMatchObject({ service: 'billing' });
  const usual = ca.issue({ commonName: 'billing' });
  expect(hard(unknown, usual.certificate.serialNumber, usual)).toThrow(
    expect.objectContaining({ code: 'revocation_unknown' }),
  );
  const issuing = ca.intermediate();
  const below = issuing.issue({ commonName: 'billing', ...noRevAvail });
  const { anchors } = readTrustAnchors(ca.certificatePem);
  const trust = { ...readTrustAnchors(ca.certificatePem), anchors, intermediates: [issuing.certificate] };
  const statusOf = ({ serialNumber }: { serialNumber: string }) =>
    serialNumber === issuing.certificate.serialNumber ? unknown : ({ status: 'good', source: 's' } as const);
  const { identify } = verifierWith(
    { trust: () => trust, revocationMode: 'hard-fail', revocation: { epoch: 0, statusOf } },
    below,
  );
  expect(identify).toThrow(expect.objectContaining({ code: 'revocation_unknown' }));
});

describe('a common name below a CA with constraints on DNS names', () => {
  const dns = (...names: string[]) => names.map((value) => ({ kind: 'dns', value }) as const);
  const below = (permitted: string[], excluded: string[], commonName: string, names = ['billing.dept.example']) => {
    const constraints = { permittedSubtrees: dns(...permitted), excludedSubtrees: dns(...excluded) };
    const issuing = ca.intermediate({ extensions: [encodeExtensionOf.nameConstraints(constraints)] });
    const leaf = issuing.issue({ commonName, names: dns(...names) });
    const { anchors } = readTrustAnchors(ca.certificatePem);
    const trust = { ...readTrustAnchors(ca.certificatePem), anchors, intermediates: [issuing.certificate] };
    return verifierWith({ trust: () => trust }, leaf).identify;
  };
  const refused = expect.objectContaining({
    code: 'service_not_allowed',
    message: expect.stringContaining('name constraints'),
  });

  test('names a service that they permit', () => {
    expect(below(['dept.example'], [], 'billing.dept.example')()).toMatchObject({ service: 'billing.dept.example' });
    expect(below([], ['hr.example'], 'billing')()).toMatchObject({ service: 'billing' });
    expect(below(['dept.example', 'billing'], [], 'Billing')()).toMatchObject({ service: 'Billing' });
  });

  test.each([
    [['dept.example'], [], 'admin-client'],
    [['dept.example'], [], 'dept.example.org'],
    [['dept.example'], [], 'dept..example'],
    [[], ['admin-client'], 'ADMIN-CLIENT'],
    [[], ['hr.example'], 'payroll.hr.example'],
  ])('names nobody that they forbid: permitted %j, excluded %j, %s', (permitted, excluded, commonName) => {
    expect(below(permitted, excluded, commonName)).toThrow(refused);
  });
});

test('what is known to be revoked is refused whatever it says about itself', () => {
  const short = ca.issue({ commonName: 'billing', extensions: [encodeExtensionOf.noRevAvail()] });
  const answer = { status: 'revoked', source: 's', revocationDate: new Date(0), reason: 'keyCompromise' } as const;
  const { identify } = verifierWith(
    { revocationMode: 'hard-fail', revocation: { epoch: 0, statusOf: () => answer } },
    short,
  );
  expect(identify).toThrow(expect.objectContaining({ code: 'certificate_revoked' }));
});

test('an open connection is refused by what nobody foresaw as well, with its cause', () => {
  const [billing, cause] = [ca.issue({ commonName: 'billing' }), new TypeError('the rule is broken')];
  let isBroken = false;
  const allowList = () => {
    if (isBroken) throw cause;
    return { allowed: true } as const;
  };
  const { identify, refusal } = verifierWith({ allowList }, billing);
  expect(refusal()).toBeUndefined();
  identify();
  expect(refusal()).toBeUndefined();
  isBroken = true;
  expect(refusal()).toMatchObject({ code: 'validation_failed', cause });
});

test('a certificate that is not valid yet is refused until it is, and again when the clock is set back', () => {
  const billing = ca.issue({ commonName: 'billing', notBefore: new Date(Date.now() + 60_000) });
  const begins = billing.certificate.notBefore.getTime();
  let now = begins - 1;
  const { identify } = verifierWith({ clock: () => now }, billing);
  const early = expect.objectContaining({ code: 'certificate_not_yet_valid' });
  expect(identify).toThrow(early);
  now = begins;
  expect(identify()).toMatchObject({ service: 'billing' });
  now = begins - 1;
  expect(identify).toThrow(early);
});

test('what is known of a connection holds while the trust does, and that it was let in once, for longer', () => {
  let trust: TrustAnchors = readTrustAnchors(ca.certificatePem);
  let isListed = true;
  const allowList: VerifierPolicy['allowList'] = () =>
    isListed ? { allowed: true } : { allowed: false, reason: 'it is no longer on the list' };
  const { identify, refusal } = verifierWith({ trust: () => trust, allowList }, ca.issue({ commonName: 'billing' }));
  expect(identify()).toMatchObject({ service: 'billing' });
  trust = readTrustAnchors(ca.certificatePem);
  isListed = false;
  expect(refusal()).toMatchObject({ code: 'service_not_allowed' });
  trust = readTrustAnchors(TestCa.root().certificatePem);
  expect(identify).toThrow(expect.objectContaining({ code: 'untrusted_issuer' }));
});

test('an answer about revocation counts until the time that it says', () => {
  const until = new Date(Date.now() + 60_000);
  let now = until.getTime();
  const { identify } = verifierWith(
    {
      clock: () => now,
      revocationMode: 'hard-fail',
      revocation: {
        epoch: 0,
        statusOf: () =>
          now <= until.getTime()
            ? { status: 'good', source: 's', until }
            : { status: 'unknown', source: 's', why: 'it is over' },
      },
    },
    ca.issue({ commonName: 'billing' }),
  );
  expect(identify()).toMatchObject({ service: 'billing' });
  now++;
  expect(identify).toThrow(expect.objectContaining({ code: 'revocation_unknown' }));
});

test('the grace is for who came for it, and under CAs that are valid now', () => {
  const MINUTE = 60_000;
  const began = Date.now();
  const short = ca.intermediate({ notAfter: new Date(began + 3 * MINUTE) });
  const billing = short.issue({ commonName: 'billing', notAfter: new Date(began + MINUTE) });
  const trust = readTrustAnchors(ca.certificatePem + short.certificatePem);
  let now = began;
  const [renewing, other] = [0, 1].map(() => verifierWith({ trust: () => trust, clock: () => now }, billing));
  expect(other?.identify()).toMatchObject({ service: 'billing' });
  now += 2 * MINUTE;
  expect(renewing?.identify(5 * MINUTE)).toMatchObject({ service: 'billing' });
  expect([renewing, other].map((each) => each?.refusal(5 * MINUTE)?.code)).toEqual([undefined, 'certificate_expired']);
  now += 2 * MINUTE;
  expect(() => renewing?.identify(5 * MINUTE)).toThrow(expect.objectContaining({ code: 'certificate_expired' }));
});

test('an open connection is not refused by an allow-list that has only been tried on it', () => {
  const allowList: VerifierPolicy['allowList'] = () => ({ allowed: false, reason: 'nobody is' });
  const { identify, refusal } = verifierWith({ allowList }, ca.issue({ commonName: 'billing' }));
  const objections: unknown[] = [];
  expect(identify(0, ({ code }) => objections.push(code))).toMatchObject({ service: 'billing' });
  expect([objections, refusal()]).toEqual([['service_not_allowed'], undefined]);
});

test('a certificate of which nobody knows passes by no other word than soft-fail', () => {
  const answer = { status: 'unknown', source: 's', why: 'it is gone' } as const;
  const by = (revocationMode: string) =>
    verifierWith(
      { revocationMode: revocationMode as RevocationMode, revocation: { epoch: 0, statusOf: () => answer } },
      ca.issue({ commonName: 'billing' }),
    ).identify;
  expect(by('soft-fail')).not.toThrow();
  expect(by('softfail')).toThrow(expect.objectContaining({ code: 'revocation_unknown' }));
});

test('a path that is over gives way to another one of the same certificate, until that is over', () => {
  const HOUR = 3_600_000;
  let now = Date.now();
  const old = TestCa.root({ commonName: 'Old Root', notAfter: new Date(now + HOUR) });
  const keyPair = generateTestKeyPair();
  const [before, after] = [
    old.intermediate({ keyPair }),
    ca.intermediate({ keyPair, notAfter: new Date(now + 9 * HOUR) }),
  ];
  const trust = readTrustAnchors([
    ...[old, ca].map(({ certificatePem }) => certificatePem),
    ...[before, after].map(({ certificatePem }) => certificatePem),
  ]);
  const billing = before.issue({ commonName: 'billing', notAfter: new Date(now + 5 * HOUR) });
  const open = verifierWith({ trust: () => trust, clock: () => now }, billing);
  const issuer = () => (open.identify() as VerifiedClientIdentity).issuerFingerprint256;
  expect(issuer()).toBe(before.certificate.fingerprint256);
  now += 2 * HOUR;
  expect(issuer()).toBe(after.certificate.fingerprint256);
  expect(open.refusal()).toBeUndefined();
  expect(open.readings()).toBe(2);
  now += 4 * HOUR;
  expect(open.identify).toThrow(expect.objectContaining({ code: 'certificate_expired' }));
  expect(open.readings()).toBe(2);
});

test('another path is looked for again when the clock was set back since it was not found', () => {
  const [keyPair, root, other] = [generateTestKeyPair(), TestCa.root(), TestCa.root({ commonName: 'Other Root' })];
  const [good, lost] = [root, other].map((above) => above.intermediate({ keyPair, commonName: 'X' }));
  const trust = readTrustAnchors([root, other, good!, lost!].map(({ certificatePem }) => certificatePem));
  let [time, isKnown] = [Date.now(), false];
  const { identify } = verifierWith(
    {
      trust: () => trust,
      clock: () => time,
      revocationMode: 'hard-fail',
      revocation: {
        epoch: 0,
        statusOf: ({ serialNumber }) =>
          serialNumber === lost!.certificate.serialNumber ||
          (serialNumber === good!.certificate.serialNumber && !isKnown)
            ? { status: 'unknown', source: 's', why: 'it is gone' }
            : { status: 'good', source: 's' },
      },
    },
    lost!.issue({ commonName: 'billing' }),
  );
  expect(identify).toThrow(expect.objectContaining({ code: 'revocation_unknown' }));
  isKnown = true;
  expect(identify).toThrow(expect.objectContaining({ code: 'revocation_unknown' }));
  time -= 30_000;
  expect(identify()).toMatchObject({ service: 'billing' });
});

test('what lets a certificate in that is over is asked whether it is revoked by itself', () => {
  const HOUR = 3_600_000;
  let now = Date.now();
  const keyPair = generateTestKeyPair();
  const [short, later] = [
    ca.intermediate({ keyPair, notAfter: new Date(now + 3 * HOUR) }),
    ca.intermediate({ keyPair, notBefore: new Date(now + HOUR), notAfter: new Date(now + 9 * HOUR) }),
  ];
  const trust = readTrustAnchors([ca, short, later].map(({ certificatePem }) => certificatePem));
  const billing = short.issue({ commonName: 'billing', notAfter: new Date(now + 2 * HOUR) });
  const statusOf: VerifierPolicy['revocation']['statusOf'] = ({ serialNumber }) =>
    serialNumber === later.certificate.serialNumber
      ? { status: 'revoked', source: 's', revocationDate: new Date(0), reason: 'keyCompromise' }
      : { status: 'good', source: 's' };
  const { identify } = verifierWith(
    { trust: () => trust, clock: () => now, revocationMode: 'hard-fail', revocation: { epoch: 0, statusOf } },
    billing,
  );
  expect(identify(4 * HOUR)).toMatchObject({ service: 'billing' });
  now += 2.5 * HOUR;
  expect(() => identify(4 * HOUR)).toThrow(expect.objectContaining({ code: 'certificate_revoked' }));
});

describe('certificates by a CA that makes them as large as it can', () => {
  const keyPair = generateTestKeyPair();
  const withOctets = (count: number) =>
    ca.issue({
      commonName: 'billing',
      keyPair,
      extensions: [{ oid: '1.2.3.4', critical: false, value: new Uint8Array(count) }],
    });

  test('are refused over 16 KiB', () => {
    const [large, tooLarge] = [withOctets(15_000), withOctets(16_000)];
    expect([large, tooLarge].map(({ certificate: { der } }) => der.length > 16_384)).toEqual([false, true]);
    expect(verifierWith({}, large).identify()).toMatchObject({ service: 'billing' });
    expect(verifierWith({}, tooLarge).identify).toThrow(
      expect.objectContaining({
        code: 'client_certificate_malformed',
        message: expect.stringMatching(/more than 16384 octets/),
      }),
    );
  });

  test('are remembered in no more than four mebibytes', () => {
    let presented = withOctets(0);
    const peerOf = (): Peer => {
      const { der } = presented.certificate;
      return { connection: {}, certificate: () => presentedCertificate(der) };
    };
    const { identify } = verifierWith({ peerOf });
    const first = presented;
    const before = identify();
    expect(identify()).toBe(before);
    for (let i = 0; i < 290; i++) {
      presented = withOctets(15_000);
      identify();
    }
    const last = identify();
    expect(identify()).toBe(last);
    presented = first;
    expect(identify()).not.toBe(before);
  });
});

test('a trust domain with ever so many CAs of one name costs little for each stranger, and its own are let in', () => {
  const named = { commonName: 'Partner Root', organization: 'Partner' };
  const cas = Array.from({ length: 200 }, () => TestCa.root(named));
  const federated = new Map([
    ['partner.example', { anchors: cas.map(({ certificate }) => certificate), intermediates: [] }],
  ]);
  const trust = { ...readTrustAnchors(ca.certificatePem), trustDomain: 'own.example', federated };
  const names = [{ kind: 'uri', value: 'spiffe://partner.example/shop' }] as const;
  const by = (issuer: TestCa) => verifierWith({ trust: () => trust, serviceFrom: ['spiffe'] }, issuer.issue({ names }));
  expect(by(cas[150]!).identify()).toMatchObject({ spiffeId: 'spiffe://partner.example/shop' });
  let refused: unknown;
  try {
    by(TestCa.root(named)).identify();
  } catch (error) {
    refused = error;
  }
  expect(refused).toMatchObject({ code: 'untrusted_issuer', evidence: { evidence: { code: 'work_limit' } } });
});

describe('a path over a CA that is revoked', () => {
  const keyPair = generateTestKeyPair();
  const other = TestCa.root({ commonName: 'Other Root' });
  const [first, second] = [
    ca.intermediate({ keyPair, commonName: 'X' }),
    other.intermediate({ keyPair, commonName: 'X', notAfter: new Date(Date.now() + 1000 * 86_400_000) }),
  ];
  const billing = first.issue({ commonName: 'billing' });
  /** Who `lost` makes revoked, or of whom nobody knows, by their serial numbers. */
  function guard(
    lost: Map<string, 'revoked' | 'unknown'>,
    mode: RevocationMode = 'hard-fail',
    cas = [ca, other, first, second],
  ) {
    const trust = readTrustAnchors(cas.map(({ certificatePem }) => certificatePem));
    let asked = 0;
    let epoch = 0;
    const answers = {
      revoked: { status: 'revoked', source: 's', revocationDate: new Date(0), reason: 'keyCompromise' },
      unknown: { status: 'unknown', source: 's', why: 'it is gone' },
      good: { status: 'good', source: 's' },
    } as const;
    const open = verifierWith(
      {
        trust: () => trust,
        revocationMode: mode,
        revocation: {
          get epoch() {
            return epoch;
          },
          statusOf: ({ serialNumber }) => {
            asked++;
            return answers[lost.get(serialNumber) ?? 'good'];
          },
        },
      },
      billing,
    );
    return {
      ...open,
      issuer: () => (open.identify() as VerifiedClientIdentity).issuerFingerprint256,
      set: (
        { certificate: { serialNumber } }: { certificate: { serialNumber: string } },
        to?: 'revoked' | 'unknown',
      ) => {
        if (to) lost.set(serialNumber, to);
        else lost.delete(serialNumber);
        epoch++;
      },
      asked: () => asked,
    };
  }

  test.each(['revoked', 'unknown'] as const)('gives way to another one: %s', (lost) => {
    const { issuer, identify, refusal, set, asked } = guard(new Map());
    const code = lost === 'revoked' ? 'certificate_revoked' : 'revocation_unknown';
    const [x, y] = [first.certificate.fingerprint256, second.certificate.fingerprint256];
    expect(issuer()).toBe(x);
    set(first, lost);
    // Asked by who looks at open connections, first.
    expect(refusal()).toBeUndefined();
    expect(issuer()).toBe(y);
    set(second, lost);
    expect(identify).toThrow(expect.objectContaining({ code }));
    expect(refusal()).toMatchObject({ code });
    const before = asked();
    for (let i = 0; i < 10; i++) expect(identify).toThrow(expect.objectContaining({ code }));
    // No more than its own path.
    expect(asked() - before).toBe(20);
    set(first);
    expect(issuer()).toBe(x);
    set(billing, lost);
    expect(identify).toThrow(expect.objectContaining({ code }));
  });

  test('is the one that counts when nobody knows, and soft-fail was asked for', () => {
    const { issuer, set } = guard(new Map(), 'soft-fail');
    set(first, 'unknown');
    expect(issuer()).toBe(first.certificate.fingerprint256);
    set(first, 'revoked');
    expect(issuer()).toBe(second.certificate.fingerprint256);
  });

  test('gives way to another one for as long as that is known to be good', () => {
    const trust = readTrustAnchors([ca, other, first, second].map(({ certificatePem }) => certificatePem));
    const until = new Date(Date.now() + 60_000);
    let now = until.getTime();
    const revoked = { status: 'revoked', source: 's', revocationDate: new Date(0), reason: 'keyCompromise' } as const;
    const unknown = { status: 'unknown', source: 's', why: 'it is over' } as const;
    const { identify } = verifierWith(
      {
        trust: () => trust,
        clock: () => now,
        revocationMode: 'hard-fail',
        revocation: {
          epoch: 0,
          statusOf: ({ serialNumber }) => {
            if (serialNumber === first.certificate.serialNumber) return revoked;
            if (serialNumber !== second.certificate.serialNumber) return { status: 'good', source: 's' };
            return now <= until.getTime() ? { status: 'good', source: 's', until } : unknown;
          },
        },
      },
      billing,
    );
    expect(identify()).toMatchObject({ issuerFingerprint256: second.certificate.fingerprint256 });
    now++;
    expect(identify).toThrow(expect.objectContaining({ code: 'revocation_unknown' }));
  });

  test('does not give way to one that is not for clients', () => {
    const servers = other.intermediate({
      keyPair,
      commonName: 'X',
      extensions: [encodeExtensionOf.extendedKeyUsage([Oid.serverAuth])],
    });
    const { identify, set } = guard(new Map(), 'hard-fail', [ca, other, first, servers]);
    set(first, 'revoked');
    expect(identify).toThrow(expect.objectContaining({ code: 'certificate_revoked' }));
  });

  test('gives way to another one that was presented with it', () => {
    const revoked = { status: 'revoked', source: 's', revocationDate: new Date(0), reason: 'keyCompromise' } as const;
    const trust = { ...readTrustAnchors(ca.certificatePem + other.certificatePem), presentedIntermediates: true };
    for (const lost of [first, second]) {
      const { identify } = verifierWith(
        {
          trust: () => trust,
          revocationMode: 'hard-fail',
          revocation: {
            epoch: 0,
            statusOf: ({ serialNumber }) =>
              serialNumber === lost.certificate.serialNumber ? revoked : { status: 'good', source: 's' },
          },
        },
        billing,
        [first.certificate.der, second.certificate.der],
      );
      const [good] = [first, second].filter((each) => each !== lost);
      expect(identify()).toMatchObject({ issuerFingerprint256: good?.certificate.fingerprint256 });
    }
  });

  test('does not hide that the certificate itself is revoked', () => {
    const { identify, set } = guard(new Map());
    set(first, 'revoked');
    set(billing, 'revoked');
    expect(identify).toThrow(
      expect.objectContaining({ code: 'certificate_revoked', message: 'the certificate has been revoked' }),
    );
  });
});
