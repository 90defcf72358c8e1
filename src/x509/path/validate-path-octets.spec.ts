import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { write } from '../../der/index.js';
import { TestCa, type TestCertificateOptions } from '../../testing/index.js';
import { encodeName, Oid, ValidatedPath, validatePath } from '../index.js';

const now = new Date();
const days = (count: number): Date => new Date(now.getTime() + count * 86_400_000);
const root = TestCa.root();
const issuing = root.intermediate({ pathLenConstraint: 0 });
const leaf = issuing.issue({ names: [{ kind: 'dns', value: 'orders.example.com' }] });
const keyPairOf = ({ key }: TestCa) => ({ publicKey: createPublicKey(key), privateKey: key });

describe('validatePath', () => {
  const input = {
    leaf: leaf.certificate.der,
    intermediates: [issuing.certificate.der],
    anchors: [root.certificate.der],
    time: now,
  };

  it('gives the path, leaf first, with the dates that hold for all of it', () => {
    const result = validatePath({ ...input, purposes: ['clientAuth', Oid.serverAuth], names: ['orders.example.com'] });
    if (!result.ok) throw new Error(result.reason.message);
    const { path } = result;
    expect(path).toBeInstanceOf(ValidatedPath);
    expect(path.certificates.map(({ fingerprint256 }) => fingerprint256)).toEqual(
      [leaf.certificate, issuing.certificate, root.certificate].map(({ fingerprint256 }) => fingerprint256),
    );
    expect(path.leaf.fingerprint256).toBe(leaf.certificate.fingerprint256);
    expect(path.anchor.fingerprint256).toBe(root.certificate.fingerprint256);
    expect(path.notAfter).toEqual(leaf.certificate.notAfter);
    expect([path.isCurrent(now), path.isCurrent(days(2)), path.isCurrent(days(-2))]).toEqual([true, false, false]);
  });

  it('names a leaf that cannot be read, and passes over everything else that cannot', () => {
    expect(validatePath({ ...input, leaf: Buffer.from('3000', 'hex') })).toMatchObject({
      ok: false,
      reason: { code: 'malformed', certificate: undefined, rule: 'RFC 5280 §4.1' },
    });
    const rubbish = [Buffer.alloc(0), Buffer.from('3003020101', 'hex'), Buffer.alloc(70_000, 0x30)];
    expect(
      validatePath({
        ...input,
        intermediates: [...rubbish, ...input.intermediates],
        anchors: [...rubbish, ...input.anchors],
        crls: rubbish,
      }).ok,
    ).toBe(true);
    expect(validatePath({ ...input, anchors: rubbish })).toMatchObject({ ok: false, reason: { code: 'untrusted' } });
  });

  it('reads no more intermediates than anybody sends', () => {
    const filler = Array.from({ length: 1999 }, () => sequence(200));
    expect(validatePath({ ...input, intermediates: [...filler, ...input.intermediates] }).ok).toBe(true);
    expect(validatePath({ ...input, intermediates: [...filler, filler[0]!, ...input.intermediates] }).ok).toBe(false);
    const octets = Array.from({ length: 1999 }, () => sequence(2200));
    const extensions = [{ oid: '1.2.3.4', critical: false, value: Buffer.alloc(3000) }];
    const long = root.intermediate({ keyPair: keyPairOf(issuing), extensions }).certificate.der;
    expect(validatePath({ ...input, intermediates: [long, ...octets.slice(100)] }).ok).toBe(true);
    expect(validatePath({ ...input, intermediates: [long, ...octets] }).ok).toBe(false);
  });

  it('counts no rubbish, and reads the long intermediates last: they are what fills the bound', () => {
    const small = Array.from({ length: 5000 }, (_, i) => Buffer.alloc(i % 300, i));
    const cut = Array.from({ length: 2500 }, (_, i) => issuing.certificate.der.subarray(0, 200 + (i % 200)));
    const long = Array.from({ length: 100 }, () => sequence(60_000));
    for (const rubbish of [[Buffer.alloc(5 * 1024 * 1024)], small, cut, long])
      expect(validatePath({ ...input, intermediates: [...rubbish, ...input.intermediates] }).ok).toBe(true);
    const wordy = wordyCa().certificate.der;
    const names = Array.from({ length: 35 }, () => wordy);
    expect(validatePath({ ...input, intermediates: [...names, ...input.intermediates] }).ok).toBe(true);
  });

  it('reads no more of their names than anybody has', () => {
    const [wordy, other] = [wordyCa({ pathLenConstraint: 1 }), wordyCa().certificate.der];
    const after = (count: number) => ({
      ...input,
      leaf: wordy.issue().certificate.der,
      intermediates: [...Array.from({ length: count }, () => other), wordy.certificate.der],
    });
    expect(validatePath(after(30)).ok).toBe(true);
    expect(validatePath(after(35)).ok).toBe(false);
  });

  /** A SEQUENCE of so many octets that holds no certificate. */
  const sequence = (length: number) => write.sequence(Buffer.alloc(length));
  const wordyCa = (options: TestCertificateOptions = {}) =>
    root.intermediate({ subject: encodeName([[{ type: Oid.title, value: 'x'.repeat(30_000) }]]), ...options });

  it('throws only for a purpose that is none, and a length that is none', () => {
    expect(() => validatePath({ ...input, purposes: ['clientauth'] })).toThrow(RangeError);
    for (const maxPathLength of [NaN, -1]) expect(() => validatePath({ ...input, maxPathLength })).toThrow(RangeError);
    expect(validatePath({ ...input, purposes: ['1.2.3.4'] })).toMatchObject({ reason: { code: 'extended_key_usage' } });
  });

  it('knows purposes by the names of the standard, and by their OIDs', () => {
    const verdict = (purpose: string) => {
      const result = validatePath({ ...input, purposes: [purpose] });
      return result.ok ? 'ok' : result.reason.code;
    };
    for (const purpose of ['clientAuth', Oid.clientAuth]) expect(verdict(purpose)).toBe('ok');
    for (const purpose of ['OCSPSigning', 'anyExtendedKeyUsage', Oid.anyExtendedKeyUsage])
      expect(verdict(purpose)).toBe('extended_key_usage');
  });

  it('says which certificate broke which rule', () => {
    expect(validatePath({ ...input, purposes: ['codeSigning'] })).toMatchObject({
      reason: {
        code: 'extended_key_usage',
        rule: 'RFC 5280 §4.2.1.12',
        certificate: {
          subject: 'CN=veritas-client,O=VERITAS Framework',
          serialNumber: leaf.certificate.serialNumber,
          index: 0,
        },
      },
    });
  });
});

describe('octets from outside', () => {
  const crl = issuing.crl([{ certificate: root.issue().certificate, reason: 1 }]);
  const honest = {
    leaf: leaf.certificate.der,
    intermediates: [issuing.certificate.der],
    anchors: [root.certificate.der],
    crls: [root.crl(), crl],
    time: now,
    revocationRequired: true,
    purposes: ['clientAuth'],
    names: ['orders.example.com'],
  };

  it('with one octet changed are refused, and nothing is thrown', () => {
    expect(validatePath(honest).ok).toBe(true);
    for (const mutated of changed(honest.leaf)) expect(validatePath({ ...honest, leaf: mutated }).ok).toBe(false);
    for (const mutated of changed(issuing.certificate.der))
      expect(validatePath({ ...honest, intermediates: [mutated] }).ok).toBe(false);
    for (const mutated of changed(crl)) expect(validatePath({ ...honest, crls: [root.crl(), mutated] }).ok).toBe(false);
  });

  it('of an anchor may be changed in what is not signed for us, and nothing is thrown', () => {
    for (const mutated of changed(root.certificate.der)) {
      const result = validatePath({ ...honest, anchors: [mutated] });
      // The key is what counts: with another, nothing holds.
      if (result.ok) expect(result.path.anchor.publicKey.der).toEqual(root.certificate.publicKey.der);
    }
  });

  /** Every third octet with one bit of it turned. */
  function* changed(der: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < der.length; at += 3) {
      const copy = Buffer.from(der);
      copy[at]! ^= 1 << (at & 7);
      yield copy;
    }
  }
});
