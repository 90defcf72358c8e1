import { describe, expect, it } from '@jest/globals';
import { context, contextConstructed, DerReader, Tag, write } from '../../der/index.js';
import { generateTestKeyPair, TestCa } from '../../testing/index.js';
import {
  CrlReason,
  decodeCertificateList,
  encodeExtensionOf,
  encodeRevokedCertificate,
  encodeName,
  encodeSigned,
  encodeTbsCertList,
  KeyUsage,
  nameToString,
  Oid,
  signOctets,
  validateCertificatePath,
  type Certificate,
  type Extension,
} from '../index.js';

// In whole seconds, as CRLs have.
const now = Math.floor(Date.now() / 1000) * 1000;
const hours = (count: number): Date => new Date(now + count * 3_600_000);
const root = TestCa.root();
const { certificate } = root.issue();
const number = (value: bigint): Extension => encodeExtensionOf.crlNumber(value);
const delta = (base: bigint): Extension => ({ oid: Oid.deltaCrlIndicator, critical: true, value: write.integer(base) });
const unknown = (critical: boolean): Extension => ({ oid: '1.2.3.4', critical, value: write.nullElement() });
const uri = (value: string): Uint8Array => write.ia5String(value, context(6));
const fullName = (...names: Uint8Array[]): Uint8Array =>
  write.explicit(0, write.element(contextConstructed(0), ...names));
const scope = (...parts: Uint8Array[]): Extension => ({
  oid: Oid.issuingDistributionPoint,
  critical: true,
  value: write.sequence(...parts),
});
const points = (...list: Uint8Array[]): Extension => ({
  oid: Oid.crlDistributionPoints,
  critical: false,
  value: write.sequence(...list),
});
const flag = (bit: number): Uint8Array => write.element(context(bit), Uint8Array.of(0xff));
const entry = (reason: keyof typeof CrlReason) => [{ certificate, reason: CrlReason[reason] }];

/** What the CRLs make of a leaf right below the root, when its status is required. */
function verdict(
  crls: readonly Uint8Array[],
  leaf = certificate,
  intermediates: readonly Certificate[] = [],
  revocationRequired = true,
): string {
  const result = validateCertificatePath({
    leaf,
    intermediates,
    anchors: [root.certificate],
    crls: crls.map(decodeCertificateList),
    time: new Date(now),
    revocationRequired,
  });
  return result.ok ? 'good' : result.reason.code;
}

/** A CRL with entries as they are given. */
function crlOf(entries: readonly Uint8Array[], extensions: readonly Extension[] = [], ca: TestCa = root): Uint8Array {
  const tbs = encodeTbsCertList({
    signatureAlgorithm: signOctets(new Uint8Array(0), ca.key).algorithm,
    issuer: ca.certificate.subject,
    thisUpdate: hours(-1),
    nextUpdate: hours(1),
    revokedCertificates: entries,
    extensions: [number(1n), ...extensions],
  });
  const { algorithm, signature } = signOctets(tbs, ca.key);
  return encodeSigned(tbs, algorithm, signature);
}

/** The same CRL, signed without its nextUpdate. */
function withoutNextUpdate(crl: Uint8Array): Uint8Array {
  const fields = new DerReader(decodeCertificateList(crl).tbs).enter(Tag.SEQUENCE, 'tbsCertList');
  const parts: Uint8Array[] = [];
  while (!fields.done) parts.push(fields.element('field'));
  // version, signature, issuer, thisUpdate, nextUpdate
  const tbs = write.sequence(...parts.filter((_, index) => index !== 4));
  const { algorithm, signature } = signOctets(tbs, root.key);
  return encodeSigned(tbs, algorithm, signature);
}

const rawEntry = (serial: string, ...extensions: Uint8Array[]): Uint8Array =>
  write.sequence(
    write.integer(Buffer.from(serial, 'hex')),
    write.time(hours(-2)),
    ...(extensions.length > 0 ? [write.sequence(...extensions)] : []),
  );

describe('a CRL', () => {
  it('answers good or revoked', () => {
    expect(verdict([root.crl()])).toBe('good');
    expect(verdict([root.crl(entry('unspecified'))])).toBe('revoked');
    expect(verdict([root.crl(entry('certificateHold'))])).toBe('revoked');
    expect(verdict([root.crl([{ certificate: root.issue().certificate }])])).toBe('good');
    expect(verdict([])).toBe('revocation_unknown');
  });

  it('that is not current makes nothing good, and still knows what was revoked for good', () => {
    const old = { thisUpdate: hours(-3), nextUpdate: hours(-1) };
    expect(verdict([root.crl([], old)])).toBe('revocation_unknown');
    expect(verdict([root.crl(entry('keyCompromise'), old), root.crl()])).toBe('revoked');
    expect(verdict([root.crl(entry('certificateHold'), old), root.crl()])).toBe('good');
    expect(verdict([root.crl([], { thisUpdate: hours(1), nextUpdate: hours(2) })])).toBe('revocation_unknown');
    expect(verdict([root.crl([], { thisUpdate: hours(0) })])).toBe('good');
    expect(verdict([root.crl([], { thisUpdate: hours(-1), nextUpdate: hours(0) })])).toBe('good');
  });

  it('without nextUpdate makes nothing good, and still knows what was revoked for good', () => {
    const endless = (entries: readonly Uint8Array[]): Uint8Array => withoutNextUpdate(crlOf(entries));
    const reason = (value: number) =>
      write.sequence(write.oid(Oid.reasonCode), write.octetString(Uint8Array.of(0x0a, 1, value)));
    const { serialNumber } = certificate;
    expect(verdict([endless([])])).toBe('revocation_unknown');
    expect(verdict([endless([rawEntry(serialNumber)]), root.crl()])).toBe('revoked');
    expect(verdict([endless([rawEntry(serialNumber, reason(CrlReason.certificateHold))]), root.crl()])).toBe('good');
  });

  it('that is newer counts before an older one that is still current', () => {
    const older = root.crl(entry('certificateHold'), { thisUpdate: hours(-2) });
    // Each key of an issuer may have numbers of its own.
    const renumbered = root.crl([], { thisUpdate: hours(-1), number: 0n });
    for (const newer of [root.crl([], { thisUpdate: hours(-1) }), renumbered])
      expect([verdict([older, newer]), verdict([newer, older])]).toEqual(['good', 'good']);
  });

  it('of the same second as another is newer by its number', () => {
    const thisUpdate = hours(-1);
    const [good, held] = [[], entry('certificateHold')].map((entries) => [
      root.crl(entries, { thisUpdate, number: 1n }),
      root.crl(entries, { thisUpdate, number: 2n }),
    ]) as [[Uint8Array, Uint8Array], [Uint8Array, Uint8Array]];
    expect([verdict([held[0], good[1]]), verdict([good[1], held[0]])]).toEqual(['good', 'good']);
    expect([verdict([good[0], held[1]]), verdict([held[1], good[0]])]).toEqual(['revoked', 'revoked']);
  });

  it('that is complete takes nothing away: removeFromCRL in it revokes until a newer one is there', () => {
    const strange = root.crl(entry('removeFromCRL'), { thisUpdate: hours(-2) });
    expect(verdict([strange])).toBe('revoked');
    expect(verdict([strange, root.crl()])).toBe('good');
  });

  it('knows what was revoked for good, whatever newer ones leave out', () => {
    const older = root.crl(entry('keyCompromise'), { thisUpdate: hours(-2) });
    const newer = root.crl([], { thisUpdate: hours(-1) });
    expect([verdict([older, newer]), verdict([newer, older])]).toEqual(['revoked', 'revoked']);
  });

  it('of one key of the issuer says nothing against that of another', () => {
    const twin = root.intermediate({ commonName: 'Test Root CA' });
    for (const reason of ['certificateHold', 'superseded'] as const) {
      const older = root.crl(entry(reason), { thisUpdate: hours(-2) });
      const newer = twin.crl([], { thisUpdate: hours(-1) });
      expect(verdict([newer, root.crl()], certificate, [twin.certificate])).toBe('good');
      expect(verdict([older, newer], certificate, [twin.certificate])).toBe('revoked');
    }
  });

  it('of version 1, which can have no number, needs none', () => {
    const fields = new DerReader(decodeCertificateList(crlOf([])).tbs).enter(Tag.SEQUENCE, 'tbsCertList');
    const parts: Uint8Array[] = [];
    while (!fields.done) parts.push(fields.element('field'));
    const tbs = write.sequence(...parts.slice(1, -1));
    const { algorithm, signature } = signOctets(tbs, root.key);
    expect(verdict([encodeSigned(tbs, algorithm, signature)])).toBe('good');
  });

  it('makes nothing good when its extensions are critical otherwise than the standard says, and still knows what was revoked', () => {
    const { value, oid } = encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: Buffer.of(1) });
    const users = scope(flag(1));
    const serialNumber = Buffer.from(certificate.serialNumber, 'hex');
    for (const extension of [
      { ...users, critical: false },
      { oid, value, critical: true },
      { ...encodeExtensionOf.freshestCrl(['http://a.test/']), critical: true },
    ]) {
      expect(verdict([crlOf([], [{ ...extension, critical: !extension.critical }])])).toBe('good');
      expect(verdict([crlOf([], [extension])])).toBe('revocation_unknown');
      for (const reason of [CrlReason.keyCompromise, CrlReason.certificateHold]) {
        const entries = [encodeRevokedCertificate({ serialNumber, revocationDate: hours(-1), reason })];
        expect(verdict([crlOf(entries, [extension])])).toBe('revoked');
      }
    }
  });

  it('needs a number that is not critical', () => {
    expect(verdict([root.crl([], { extensions: [unknown(false)] })])).toBe('revocation_unknown');
    expect(verdict([root.crl([], { extensions: [{ ...number(1n), critical: true }] })])).toBe('revocation_unknown');
  });

  it('with a critical extension that is unknown is not used, in it or in an entry', () => {
    for (const entries of [[], entry('superseded')])
      expect(verdict([root.crl(entries, { extensions: [number(1n), unknown(true)] })])).toBe('revocation_unknown');
    expect(verdict([root.crl([], { extensions: [number(1n), unknown(false)] })])).toBe('good');
    const odd = write.sequence(write.oid('1.2.3.4'), write.boolean(true), write.octetString(write.nullElement()));
    expect(verdict([crlOf([rawEntry('01', odd)])])).toBe('revocation_unknown');
    expect(verdict([crlOf([rawEntry('01')])])).toBe('good');
  });

  it('with an entry that cannot be read is not used', () => {
    expect(verdict([crlOf([write.nullElement()])])).toBe('revocation_unknown');
  });

  it('of another key, issuer or trust is not used', () => {
    expect(verdict([TestCa.root().crl()])).toBe('revocation_unknown');
    expect(verdict([TestCa.root({ commonName: 'Other' }).crl()])).toBe('revocation_unknown');
    const mute = root.intermediate({ extensions: [encodeExtensionOf.keyUsage([5])] });
    const leaf = mute.issue().certificate;
    expect(verdict([root.crl(), mute.crl()], leaf, [mute.certificate])).toBe('revocation_unknown');
  });

  it('is not asked for where the CA says that it publishes nothing', () => {
    const short = root.issue({ extensions: [{ oid: Oid.noRevAvail, critical: false, value: write.nullElement() }] });
    expect(verdict([], short.certificate)).toBe('good');
    expect(verdict([root.crl([{ certificate: short.certificate }])], short.certificate)).toBe('revoked');
  });

  it('is not asked for of an OCSP responder that says so, and of nobody else', () => {
    const extensions = [encodeExtensionOf.ocspNoCheck()];
    const responder = root.issue({ extensions, purposes: [Oid.ocspSigning] });
    expect(verdict([], responder.certificate)).toBe('good');
    expect(verdict([], root.issue({ extensions }).certificate)).toBe('revocation_unknown');
    const usage = encodeExtensionOf.extendedKeyUsage([Oid.ocspSigning]);
    const ca = root.intermediate({ extensions: [...extensions, usage] });
    expect(verdict([ca.crl()], ca.issue().certificate, [ca.certificate])).toBe('revocation_unknown');
    expect(verdict([ca.crl(), root.crl()], ca.issue().certificate, [ca.certificate])).toBe('good');
  });

  it.each([Oid.noRevAvail, Oid.ocspNoCheck])('is asked for where %s is not NULL', (oid) => {
    const withValue = (value: Uint8Array) =>
      root.issue({ extensions: [{ oid, critical: false, value }], purposes: [Oid.ocspSigning] }).certificate;
    expect(verdict([], withValue(write.nullElement()))).toBe('good');
    for (const value of [write.sequence(), new Uint8Array(0), Uint8Array.of(5, 0, 0)])
      expect(verdict([], withValue(value))).toBe('revocation_unknown');
  });
});

describe('a CRL signed with another key of its issuer', () => {
  const ca = root.intermediate({ commonName: 'CA' });
  const signer = ca.intermediate({ commonName: 'CA', extensions: [encodeExtensionOf.keyUsage([6])] });
  const leaf = ca.issue().certificate;
  const pool = [ca.certificate, signer.certificate];

  it('counts when the key has a certificate that is known not to be revoked', () => {
    const own = ca.crl([], { extensions: [number(1n), scope(flag(2))] });
    expect(verdict([root.crl(), own, signer.crl()], leaf, pool)).toBe('good');
    expect(verdict([root.crl(), own, signer.crl([{ certificate: leaf }])], leaf, pool)).toBe('revoked');
    const revoked = ca.crl([{ certificate: signer.certificate }], { extensions: [number(1n), scope(flag(2))] });
    expect(verdict([root.crl(), revoked, signer.crl()], leaf, pool)).toBe('revocation_unknown');
  });

  it('is not combined with one of the first key', () => {
    const keys = { extensions: [number(1n), scope(flag(2))] };
    const hold = ca.crl([{ certificate: leaf, reason: CrlReason.certificateHold }], { number: 5n });
    const over = [{ certificate: leaf, reason: CrlReason.removeFromCRL }];
    const changes = { extensions: [delta(5n), number(6n)] };
    expect(verdict([root.crl(), ca.crl([], keys), hold, ca.crl(over, changes)], leaf, pool)).toBe('good');
    expect(verdict([root.crl(), ca.crl([], keys), hold, signer.crl(over, changes)], leaf, pool)).toBe('revoked');
  });

  it('does not stand surety for that key itself', () => {
    expect(verdict([root.crl(), signer.crl()], leaf, pool)).toBe('revocation_unknown');
  });

  it('does not stand surety for a CA of the path', () => {
    const renewed = root.intermediate({ commonName: 'Test Root CA' });
    expect(verdict([renewed.crl()], renewed.issue().certificate, [renewed.certificate])).toBe('revocation_unknown');
    expect(verdict([root.crl(), renewed.crl()], renewed.issue().certificate, [renewed.certificate])).toBe('good');
    const poser = ca.intermediate({ commonName: 'Test Root CA' });
    const both = [ca.certificate, poser.certificate];
    expect(verdict([poser.crl(), ca.crl()], poser.issue().certificate, both)).toBe('revocation_unknown');
    expect(verdict([root.crl(), poser.crl(), ca.crl()], poser.issue().certificate, both)).toBe('good');
  });
});

describe('a CA that two roots certified', () => {
  const other = TestCa.root({ commonName: 'Other Root' });
  const keyPair = generateTestKeyPair();
  const cross = (above: TestCa, usages: readonly number[] = [KeyUsage.keyCertSign, KeyUsage.cRLSign]) =>
    above.intermediate({ keyPair, commonName: 'X', extensions: [encodeExtensionOf.keyUsage(usages)] });
  const [one, two] = [cross(root), cross(other)];
  const leaf = one.issue().certificate;
  const verdicts = (crls: readonly Uint8Array[], revocationRequired: boolean, pool = [one, two]) =>
    [pool, pool.toReversed()].map((intermediates) => {
      const result = validateCertificatePath({
        leaf,
        intermediates: intermediates.map(({ certificate: each }) => each),
        anchors: [root.certificate, other.certificate],
        crls: crls.map(decodeCertificateList),
        time: new Date(now),
        revocationRequired,
      });
      return result.ok ? nameToString(result.path.anchor.subject) : result.reason.code;
    });
  const by = ({ certificate: { subject } }: TestCa): string[] => Array(2).fill(nameToString(subject)) as string[];

  it('is gone over by the one that did not revoke it, whichever comes first', () => {
    for (const required of [true, false]) {
      expect(verdicts([root.crl([one]), other.crl(), one.crl()], required)).toEqual(by(other));
      expect(verdicts([root.crl(), other.crl([two]), one.crl()], required)).toEqual(by(root));
      expect(verdicts([root.crl([one]), other.crl([two]), one.crl()], required)).toEqual(['revoked', 'revoked']);
      expect(verdicts([root.crl([one]), other.crl(), one.crl([{ certificate: leaf }])], required)).toEqual([
        'revoked',
        'revoked',
      ]);
    }
    expect(verdicts([root.crl(), one.crl()], true)).toEqual(by(root));
    expect(verdicts([root.crl([one]), one.crl()], true)).toEqual(['revoked', 'revoked']);
  });

  it('revokes for good by its own list, though one of them lets it sign none', () => {
    const pool = [one, cross(other, [KeyUsage.keyCertSign])];
    const lists = (reason: keyof typeof CrlReason) => [
      root.crl(),
      other.crl(),
      one.crl([{ certificate: leaf, reason: CrlReason[reason] }]),
    ];
    for (const required of [true, false])
      expect(verdicts(lists('keyCompromise'), required, pool)).toEqual(['revoked', 'revoked']);
    // Nor is anything good by a list of a key that has its right from another root (RFC 5280 §6.3.3 (f)).
    expect(verdicts([root.crl(), other.crl(), one.crl()], true, pool)).toEqual(by(root));
    expect(verdicts([root.crl([one]), other.crl(), one.crl()], true, pool)).toEqual(['revoked', 'revoked']);
  });
});

describe('scopes', () => {
  const scoped = (...parts: Uint8Array[]) => root.crl([], { extensions: [number(1n), scope(...parts)] });

  it('of users, CAs and attributes', () => {
    expect(['good', 'revocation_unknown', 'revocation_unknown']).toEqual(
      [flag(1), flag(2), flag(5)].map((one) => verdict([scoped(one)])),
    );
  });

  it('of none at all makes nobody good, because its extension must not be empty (§5.2.5)', () => {
    const empty = { extensions: [number(1n), scope()] };
    expect(verdict([root.crl([], empty)])).toBe('revocation_unknown');
    expect(verdict([root.crl([{ certificate }], empty)])).toBe('revoked');
  });

  it('of a distribution point', () => {
    const at = (name: Uint8Array, ...more: Uint8Array[]) =>
      root.issue({ extensions: [points(write.sequence(fullName(name), ...more))] }).certificate;
    const crl = scoped(fullName(uri('http://a/'), uri('http://b/')));
    expect(verdict([crl], at(uri('http://b/')))).toBe('good');
    expect(verdict([crl], at(uri('http://c/')))).toBe('revocation_unknown');
    expect(verdict([crl])).toBe('revocation_unknown');
    // RFC 5280 §7.4.
    expect(verdict([crl], at(uri('HTTP://B:80')))).toBe('good');
    // The point's CRLs are for some reasons only.
    const some = write.namedBits([1], context(1));
    expect(verdict([crl], at(uri('http://a/'), some))).toBe('revocation_unknown');
  });

  it('of another name of the issuer', () => {
    const issuerAltName = {
      oid: Oid.issuerAltName,
      critical: false,
      value: write.sequence(uri('http://a/'), uri('http://b/')),
    };
    const { certificate: named } = root.issue({ extensions: [issuerAltName] });
    expect(verdict([scoped(fullName(uri('http://b/')))], named)).toBe('good');
    expect(verdict([scoped(fullName(uri('http://c/')))], named)).toBe('revocation_unknown');
  });

  it('of reasons, which add up', () => {
    const reasons = (...bits: number[]) => write.namedBits(bits, context(3));
    const [one, rest] = [scoped(reasons(1)), scoped(reasons(2, 3, 4, 5, 6, 7, 8))];
    expect([verdict([one]), verdict([rest]), verdict([one, rest])]).toEqual([
      'revocation_unknown',
      'revocation_unknown',
      'good',
    ]);
  });
});

describe('deltas', () => {
  const base = root.crl([], { number: 5n });
  const of = (from: bigint, to: bigint, revoked: Parameters<TestCa['crl']>[0] = []) =>
    root.crl(revoked, { extensions: [delta(from), number(to)] });

  it('add and take away', () => {
    expect(verdict([base, of(5n, 6n, entry('superseded'))])).toBe('revoked');
    const held = root.crl(entry('certificateHold'), { number: 5n });
    expect(verdict([held, of(5n, 6n, entry('removeFromCRL'))])).toBe('good');
    expect(verdict([held, of(5n, 6n)])).toBe('revoked');
  });

  it('are heard where no status is required', () => {
    expect(verdict([base, of(5n, 6n, entry('superseded'))], certificate, [], false)).toBe('revoked');
  });

  it('need a base, not too old and not newer', () => {
    expect(verdict([of(5n, 6n)])).toBe('revocation_unknown');
    expect(verdict([base, of(6n, 7n)])).toBe('good');
    // It cannot be combined, but it is not unheard either.
    expect(verdict([base, of(6n, 7n, entry('superseded'))])).toBe('revoked');
    expect(verdict([base, of(6n, 7n, entry('superseded')), TestCa.root().crl([], { number: 9n })])).toBe('revoked');
    expect(verdict([base, of(6n, 7n, entry('removeFromCRL'))])).toBe('good');
    const old = root.crl([], { number: 9n, thisUpdate: hours(-3), nextUpdate: hours(-1) });
    expect(verdict([base, of(6n, 7n, entry('superseded')), old])).toBe('revoked');
    expect(verdict([base, of(6n, 7n, entry('superseded')), root.crl([], { number: 9n })])).toBe('good');
    const theirs = TestCa.root().crl(entry('superseded'), { extensions: [delta(6n), number(7n)] });
    expect(verdict([base, theirs])).toBe('good');
    expect(verdict([of(5n, 6n, entry('superseded'))])).toBe('revoked');
    const held = root.crl(entry('certificateHold'), { number: 5n });
    expect(verdict([held, of(6n, 7n, entry('removeFromCRL'))])).toBe('revoked');
    expect(verdict([base, of(4n, 5n, entry('superseded'))])).toBe('good');
  });

  it('do not take away what was revoked for good, and past their end still know of it', () => {
    const final = root.crl(entry('superseded'), { number: 5n });
    expect(verdict([final, of(5n, 6n, entry('removeFromCRL'))])).toBe('revoked');
    expect(verdict([base, of(5n, 6n, [...entry('superseded'), ...entry('removeFromCRL')])])).toBe('revoked');
    // Which of the two came last is not said.
    for (const both of [
      [...entry('certificateHold'), ...entry('removeFromCRL')],
      [...entry('removeFromCRL'), ...entry('certificateHold')],
    ])
      expect(verdict([base, of(5n, 6n, both)])).toBe('revoked');
    const over = (reason: keyof typeof CrlReason) =>
      root.crl(entry(reason), {
        thisUpdate: hours(-3),
        nextUpdate: hours(-1),
        extensions: [delta(5n), number(6n)],
      });
    expect(verdict([base, over('superseded')])).toBe('revoked');
    expect(verdict([base, over('certificateHold')])).toBe('good');
    expect(verdict([base, of(6n, 7n, entry('removeFromCRL')), over('superseded')])).toBe('revoked');
  });

  it('have the scope of their base', () => {
    const narrow = root.crl(entry('superseded'), { extensions: [delta(5n), number(6n), scope(flag(1))] });
    expect(verdict([base, narrow])).toBe('revoked');
    const users = root.crl(entry('removeFromCRL'), { extensions: [delta(5n), number(6n), scope(flag(1))] });
    expect(verdict([root.crl(entry('certificateHold'), { number: 5n }), users])).toBe('revoked');
    const authorities = root.crl(entry('superseded'), { extensions: [delta(5n), number(6n), scope(flag(2))] });
    expect(verdict([base, authorities])).toBe('good');
  });
});

it('passes over a name relative to one that has no room left', () => {
  const rdns = Array.from({ length: 64 }, (_, i) => [{ type: Oid.commonName, value: `${i}` }]);
  const long = TestCa.root({ subject: encodeName(rdns) });
  const rdn = write.element(
    contextConstructed(1),
    write.sequence(write.oid(Oid.commonName), write.element(Tag.UTF8_STRING, Buffer.from('x'))),
  );
  const leaf = long.issue({ extensions: [points(write.sequence(write.explicit(0, rdn)))] }).certificate;
  const crls = [decodeCertificateList(crlOf([], [scope(write.explicit(0, rdn))], long))];
  const input = { leaf, anchors: [long.certificate], crls, time: new Date(now), revocationRequired: true };
  expect(validateCertificatePath(input)).toMatchObject({ ok: false, reason: { code: 'revocation_unknown' } });
});

describe('indirect CRLs', () => {
  const authority = root.intermediate({ commonName: 'CRL Authority' });
  const directory = (ca: TestCa): Uint8Array => write.explicit(4, ca.certificate.subject.der);
  const issuedBy = (ca: TestCa): Uint8Array =>
    write.sequence(
      write.oid(Oid.certificateIssuer),
      write.boolean(true),
      write.octetString(write.sequence(directory(ca))),
    );
  const leaf = root.issue({
    extensions: [points(write.sequence(write.element(contextConstructed(2), directory(authority))))],
  }).certificate;
  const indirect = scope(flag(4));
  const pool = [authority.certificate];

  it('answer for certificates that name their issuer', () => {
    const empty = crlOf([], [indirect], authority);
    expect(verdict([root.crl(), empty], leaf, pool)).toBe('good');
    expect(verdict([root.crl(), empty], leaf)).toBe('good');
    expect(verdict([empty], leaf, pool)).toBe('revocation_unknown');
    const listed = crlOf([rawEntry('01', issuedBy(root)), rawEntry(leaf.serialNumber)], [indirect], authority);
    expect(verdict([listed], leaf, pool)).not.toBe('good');
    expect(verdict([root.crl(), listed], leaf, pool)).toBe('revoked');
  });

  it('mean by an entry the issuer that was named last, or their own', () => {
    const names = write.sequence(uri('http://ca.test/'), directory(root));
    const several = write.sequence(write.oid(Oid.certificateIssuer), write.boolean(true), write.octetString(names));
    const listed = crlOf([rawEntry(leaf.serialNumber, several)], [indirect], authority);
    expect(verdict([root.crl(), listed], leaf, pool)).toBe('revoked');
    const other = crlOf([rawEntry(leaf.serialNumber)], [indirect], authority);
    expect(verdict([root.crl(), other], leaf, pool)).toBe('good');
  });

  it('of a signer that was revoked, or has no path, count for nothing', () => {
    const listed = crlOf([rawEntry(leaf.serialNumber, issuedBy(root))], [indirect], authority);
    const revoked = root.crl([{ certificate: authority.certificate }]);
    expect(verdict([revoked, listed], leaf, pool)).toBe('good');
    const ended = root.intermediate({ commonName: 'CRL Authority', notBefore: hours(-3), notAfter: hours(-1) });
    const late = crlOf([rawEntry(leaf.serialNumber, issuedBy(root))], [indirect], ended);
    expect(verdict([root.crl(), late], leaf, [ended.certificate])).toBe('good');
    const stranger = TestCa.root({ commonName: 'CRL Authority' });
    const theirs = crlOf([rawEntry(leaf.serialNumber, issuedBy(root))], [indirect], stranger);
    expect(verdict([root.crl(), theirs], leaf, [stranger.certificate])).toBe('good');
  });

  it('of a signer below a CA that is trusted by itself as well count', () => {
    const [ca, other] = ['CA', 'Other CA'].map((commonName) => root.intermediate({ commonName })) as [TestCa, TestCa];
    const signer = other.intermediate({ commonName: 'CRL Authority' });
    const issued = ca.issue({
      extensions: [points(write.sequence(write.element(contextConstructed(2), directory(signer))))],
    }).certificate;
    const listed = decodeCertificateList(crlOf([rawEntry(issued.serialNumber, issuedBy(ca))], [indirect], signer));
    for (const anchors of [[root], [root, other], [other, root]]) {
      const input = {
        leaf: issued,
        intermediates: [ca, other, signer].map(({ certificate }) => certificate),
        anchors: anchors.map(({ certificate }) => certificate),
        crls: [listed],
        time: new Date(now),
      };
      expect(validateCertificatePath(input)).toMatchObject({ ok: false, reason: { code: 'revoked' } });
    }
  });

  it('are the only ones whose entries name issuers', () => {
    expect(verdict([crlOf([rawEntry('01', issuedBy(root))])])).toBe('revocation_unknown');
  });

  it('may have a point named relative to their issuer', () => {
    const rdn = write.element(
      contextConstructed(1),
      write.sequence(write.oid(Oid.commonName), write.element(Tag.UTF8_STRING, Buffer.from('Part 1'))),
    );
    const relative = write.explicit(0, rdn);
    const named = root.issue({ extensions: [points(write.sequence(relative))] }).certificate;
    const rdns = root.certificate.subject.rdns.map((one) => one.map(({ type, value }) => ({ type, value: value! })));
    const whole = encodeName([...rdns, [{ type: Oid.commonName, value: 'Part 1' }]]);
    expect(verdict([crlOf([], [scope(fullName(write.explicit(4, whole.der)))])], named)).toBe('good');
    expect(verdict([crlOf([], [scope(relative)])], named)).toBe('good');
    expect(verdict([crlOf([], [scope(fullName(uri('http://a/')))])], named)).toBe('revocation_unknown');
  });
});
