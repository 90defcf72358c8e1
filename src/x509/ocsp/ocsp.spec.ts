import { hash } from 'node:crypto';
import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import * as pkijs from 'pkijs';
import { ocspOf, responderOf, type ResponseChange } from '../../../test/support/ocsp-lint-fixtures.js';
import { lintIssuing as issuing, lintRoot as root } from '../../../test/support/lint-fixtures.js';
import { context, DerReader, Tag, write } from '../../der/index.js';
import { TestCa, type Issued } from '../../testing/index.js';
import {
  algorithmIdentifier,
  certIdOf,
  CrlReason,
  decodeOcspRequest,
  decodeOcspResponse,
  DecodeError,
  encodeBasicOcspResponse,
  encodeExtensionOf,
  encodeName,
  encodeOcspError,
  encodeOcspRequest,
  encodeOcspResponse,
  isCertIdOf,
  KeyUsage,
  Oid,
  OcspResponseStatus,
  signingSchemeFor,
  signOctets,
  verifyOcspResponse,
  type CertStatus,
  type Name,
  type OcspVerification,
} from '../index.js';

const SERIAL = '40a1';
const certId = certIdOf(issuing.certificate, SERIAL);
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const arrayBuffer = (octets: Uint8Array): ArrayBuffer => Uint8Array.from(octets).buffer;

/** A tbsRequest of these parts after the list, and what follows it. */
const requestOf = (
  parts: readonly Uint8Array[],
  after: readonly Uint8Array[] = [],
  before: readonly Uint8Array[] = [],
) => write.sequence(write.sequence(...before, write.sequence(write.sequence(certId.der)), ...parts), ...after);
const extensionsOf = (oid: string, value: Uint8Array, critical = false): Uint8Array =>
  write.explicit(
    2,
    write.sequence(
      write.sequence(write.oid(oid), ...(critical ? [write.boolean(true)] : []), write.octetString(value)),
    ),
  );

describe('a request', () => {
  it.each(['sha1', 'sha256'] as const)('names certificates by %s', (digest) => {
    const asked = certIdOf(issuing.certificate, SERIAL, digest);
    const request = decodeOcspRequest(encodeOcspRequest([asked]));
    expect(request).toMatchObject({ nonce: undefined, isSigned: false });
    expect(request.certIds).toEqual([asked]);
    expect(hex(asked.issuerNameHash)).toBe(hash(digest, issuing.certificate.subject.der));
    expect(hex(asked.issuerKeyHash)).toBe(hash(digest, issuing.certificate.publicKey.key));
    expect(isCertIdOf(asked, issuing.certificate, SERIAL)).toBe(true);
    expect(isCertIdOf(asked, issuing.certificate, '40a2')).toBe(false);
    const { subject, publicKey } = issuing.certificate;
    expect(isCertIdOf(asked, { subject, publicKey: root.certificate.publicKey }, SERIAL)).toBe(false);
    expect(isCertIdOf(asked, { subject: root.certificate.subject, publicKey }, SERIAL)).toBe(false);
  });

  it('by another digest, or one with parameters: read and known by nobody, or not read', () => {
    const named = (algorithm: Uint8Array): Uint8Array =>
      write.sequence(
        write.sequence(
          write.sequence(
            write.sequence(
              write.sequence(
                algorithm,
                write.octetString(Buffer.alloc(48)),
                write.octetString(Buffer.alloc(48)),
                write.integer(1),
              ),
            ),
          ),
        ),
      );
    const [first] = decodeOcspRequest(named(algorithmIdentifier(Oid.sha384).der)).certIds;
    expect(first?.digest).toBeUndefined();
    expect(isCertIdOf(first!, issuing.certificate, '01')).toBe(false);
    expect(() => decodeOcspRequest(named(algorithmIdentifier(Oid.sha1, write.integer(1)).der))).toThrow(DecodeError);
  });

  it('has a nonce of 1 to 128 octets (RFC 9654), or is refused', () => {
    for (const length of [1, 16, 32, 128]) {
      const nonce = Buffer.alloc(length, 9);
      expect(decodeOcspRequest(encodeOcspRequest([certId], nonce)).nonce).toEqual(nonce);
    }
    for (const length of [0, 129, 3000])
      expect(() => decodeOcspRequest(encodeOcspRequest([certId], Buffer.alloc(length)))).toThrow(/nonce/);
    // As clients of RFC 2560 sent it: bare octets, no OCTET STRING.
    expect(() => decodeOcspRequest(requestOf([extensionsOf(Oid.ocspNonce, Buffer.alloc(16, 9))]))).toThrow(DecodeError);
  });

  it('has no critical extension that is not known, be it on the whole or on one entry', () => {
    const critical = (is: boolean) => extensionsOf('1.2.3.4', write.nullElement(), is);
    expect(decodeOcspRequest(requestOf([critical(false)])).certIds).toHaveLength(1);
    expect(() => decodeOcspRequest(requestOf([critical(true)]))).toThrow(/critical/);
    const nonce = encodeExtensionOf.ocspNonce(Buffer.of(1)).value;
    expect(decodeOcspRequest(requestOf([extensionsOf(Oid.ocspNonce, nonce, true)])).nonce).toEqual(Buffer.of(1));
    const single = (is: boolean, extensions = critical(is)) => {
      const [, , ...rest] = extensions;
      const explicit = write.element(0xa0, Uint8Array.from(rest));
      return write.sequence(write.sequence(write.sequence(write.sequence(certId.der, explicit))));
    };
    expect(decodeOcspRequest(single(false)).certIds).toHaveLength(1);
    expect(() => decodeOcspRequest(single(true))).toThrow(/critical/);
    // A nonce is one of the whole request (RFC 6960 §4.4.1): nothing here would answer this one.
    expect(() => decodeOcspRequest(single(true, extensionsOf(Oid.ocspNonce, nonce, true)))).toThrow(/critical/);
  });

  it('may be signed, and says so; the signature is not looked at', () => {
    const by = write.explicit(1, write.ia5String('somebody@example.com', context(1)));
    const signature = (octets: Uint8Array): Uint8Array =>
      write.explicit(
        0,
        write.sequence(
          signingSchemeFor(issuing.key).algorithm.der,
          write.bitString(octets),
          write.explicit(0, write.sequence(issuing.certificate.der)),
        ),
      );
    const { signature: octets } = signOctets(Buffer.from('something else'), issuing.key);
    expect(decodeOcspRequest(requestOf([], [signature(octets)], [by]))).toMatchObject({ isSigned: true });
    // RFC 6960 §4.1.1: whoever signs says who it is.
    expect(() => decodeOcspRequest(requestOf([], [signature(octets)]))).toThrow(/by whom/);
    expect(() => decodeOcspRequest(requestOf([], [write.explicit(0, write.nullElement())], [by]))).toThrow(DecodeError);
  });

  it('asks about 1 to 32 certificates, in 4 KiB', () => {
    const many = (count: number) => encodeOcspRequest(Array.from({ length: count }, () => certId));
    expect(decodeOcspRequest(many(32)).certIds).toHaveLength(32);
    expect(() => decodeOcspRequest(many(33))).toThrow(/more than 32/);
    expect(() => decodeOcspRequest(many(0))).toThrow(/empty/);
    expect(() => decodeOcspRequest(Buffer.alloc(65_536, 0x30))).toThrow(/over the limit of 4096/);
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['version 1 written out', requestOf([], [], [write.explicit(0, write.integer(0))])],
    ['version 2', requestOf([], [], [write.explicit(0, write.integer(1))])],
    ['an octet too many', Buffer.concat([requestOf([]), Buffer.of(0)])],
    ['an indefinite length', Buffer.concat([Buffer.of(0x30, 0x80), requestOf([]), Buffer.of(0, 0)])],
  ])('is not %s', (_, octets) => {
    expect(() => decodeOcspRequest(octets)).toThrow(DecodeError);
  });

  it('is read by pkijs as it is here, and the other way round', () => {
    const theirs = pkijs.OCSPRequest.fromBER(arrayBuffer(encodeOcspRequest([certId], Buffer.alloc(32, 3))));
    const [first] = theirs.tbsRequest.requestList;
    expect(hex(first!.reqCert.serialNumber.valueBlock.valueHexView)).toBe(SERIAL);
    expect(hex(first!.reqCert.issuerKeyHash.valueBlock.valueHexView)).toBe(hex(certId.issuerKeyHash));
    expect(theirs.tbsRequest.requestExtensions?.map(({ extnID }) => extnID)).toEqual([Oid.ocspNonce]);
    const again = decodeOcspRequest(new Uint8Array((theirs.toSchema(true) as { toBER: () => ArrayBuffer }).toBER()));
    expect(again.certIds).toEqual([certId]);
  });
});

describe('a response', () => {
  const wanted = (more: Partial<OcspVerification> = {}): OcspVerification => ({
    issuer: issuing.certificate,
    serialNumber: SERIAL,
    time: new Date(),
    ...more,
  });
  const verdict = (change: ResponseChange = {}, more: Partial<OcspVerification> = {}) =>
    verifyOcspResponse(decodeOcspResponse(ocspOf(change).der), wanted(more));

  it.each<[string, CertStatus]>([
    ['good', { status: 'good' }],
    ['unknown', { status: 'unknown' }],
    ['revoked', { status: 'revoked', revocationTime: new Date('2026-01-02T03:04:05Z'), reason: 1 }],
    ['revoked without a reason', { status: 'revoked', revocationTime: new Date(0), reason: undefined }],
  ])('%s: written, read back here and by pkijs, believed', (_, certStatus) => {
    const archive = new Date('2026-01-01T00:00:00Z');
    const { der } = ocspOf({
      certStatus,
      nonce: Buffer.alloc(32, 1),
      singleExtensions: [encodeExtensionOf.ocspArchiveCutoff(archive)],
    });
    const read = decodeOcspResponse(der);
    expect(verifyOcspResponse(read, wanted({ nonce: Buffer.alloc(32, 1) }))).toMatchObject({ ok: true, certStatus });
    const outer = pkijs.OCSPResponse.fromBER(arrayBuffer(der));
    const theirs = pkijs.BasicOCSPResponse.fromBER(arrayBuffer(outer.responseBytes!.response.valueBlock.valueHexView));
    const [single] = theirs.tbsResponseData.responses;
    expect(hex(new Uint8Array((theirs.tbsResponseData.toSchema(true) as { toBER: () => ArrayBuffer }).toBER()))).toBe(
      hex(read.basic!.tbs),
    );
    expect((single!.certStatus as { idBlock: { tagNumber: number } }).idBlock.tagNumber).toBe(
      { good: 0, revoked: 1, unknown: 2 }[certStatus.status],
    );
    expect(single!.thisUpdate).toEqual(read.basic!.responses[0]!.thisUpdate);
    expect(single!.nextUpdate).toEqual(read.basic!.responses[0]!.nextUpdate);
    expect(hex(theirs.signature.valueBlock.valueHexView)).toBe(hex(read.basic!.signature));
    expect(theirs.certs).toHaveLength(1);
  });

  it.each(Object.keys(OcspResponseStatus).filter((name) => name !== 'successful'))('%s: five octets', (name) => {
    const der = encodeOcspError(name as 'tryLater');
    expect(hex(der)).toMatch(/^30030a010[1-6]$/);
    expect(decodeOcspResponse(der)).toEqual({ status: name, basic: undefined });
    expect(verifyOcspResponse(decodeOcspResponse(der), wanted())).toMatchObject({ code: 'not_successful' });
  });

  const signing = TestCa.root({
    extensions: [encodeExtensionOf.keyUsage([KeyUsage.keyCertSign, KeyUsage.digitalSignature])],
  });

  it('is signed by the issuer itself where its key may sign such', () => {
    const change = { issuer: signing, responder: signing, certificates: [] };
    expect(verdict(change, { issuer: signing.certificate })).toMatchObject({ ok: true });
    // Its key usage names certificates and lists only.
    expect(verdict({ responder: issuing, certificates: [] })).toMatchObject({ code: 'unauthorized_responder' });
    // It may have a responder all the same.
    const delegated = { issuer: signing, responder: responderOf(signing) };
    expect(verdict(delegated, { issuer: signing.certificate })).toMatchObject({ ok: true });
  });

  const inCapitals = ({ rdns }: Name): Name =>
    encodeName(rdns.map((rdn) => rdn.map(({ type, value = '' }) => ({ type, value: value.toUpperCase() }))));

  /** What is made of a ResponseData of these parts. */
  const verdictOn = ({ key, certificate }: Issued, ...parts: readonly Uint8Array[]) => {
    const tbs = write.sequence(...parts);
    const { algorithm, signature } = signOctets(tbs, key);
    const basic = encodeBasicOcspResponse(tbs, algorithm, signature, [certificate.der]);
    return verifyOcspResponse(decodeOcspResponse(encodeOcspResponse(basic)), wanted());
  };

  it('without nextUpdate is not current', () => {
    const responder = responderOf(issuing);
    const now = write.generalizedTime(new Date());
    const single = (...more: Uint8Array[]) => write.sequence(certId.der, write.element(context(0)), now, ...more);
    const id = write.explicit(2, write.octetString(responder.certificate.publicKey.keyIdentifier));
    const said = (one: Uint8Array) => verdictOn(responder, id, now, write.sequence(one));
    expect(said(single(write.explicit(0, now)))).toMatchObject({ ok: true });
    expect(said(single())).toMatchObject({ code: 'stale' });
  });

  it('is current from thisUpdate to nextUpdate, both included, and as long before and after as two clocks may differ by', () => {
    const now = Math.floor(Date.now() / 1000);
    const second = (count: number): Date => new Date((now + count) * 1000);
    const response = decodeOcspResponse(ocspOf({ thisUpdate: second(30), nextUpdate: second(40) }).der);
    const codes = (times: readonly number[], more: Partial<OcspVerification> = {}) =>
      times.map((count) => {
        const said = verifyOcspResponse(response, wanted({ time: second(count), ...more }));
        return said.ok ? 'ok' : said.code;
      });
    const expected = ['not_yet_valid', 'ok', 'ok', 'stale'];
    expect([codes([-31, -30, 100, 101]), codes([29, 30, 40, 41], { leeway: 0 })]).toEqual([expected, expected]);
  });

  it('has at most 256 answers and eight certificates', () => {
    const numbers = (count: number): string[] => Array<string>(count).fill(SERIAL);
    expect(ocspOf({ answered: numbers(256) }).response.responses).toHaveLength(256);
    expect(() => ocspOf({ answered: numbers(257) })).toThrow('more than 256 responses');
    const certificates = (count: number) => Array<typeof root.certificate>(count).fill(root.certificate);
    expect(ocspOf({ certificates: certificates(8) }).response.certificates).toHaveLength(8);
    expect(() => ocspOf({ certificates: certificates(9) })).toThrow('more than 8 certificates');
  });

  it('may have a critical nonce', () => {
    const critical = { ...encodeExtensionOf.ocspNonce(Buffer.of(1)), critical: true };
    expect(verdict({ extensions: [critical] }, { nonce: Buffer.of(1) })).toMatchObject({ ok: true });
  });

  it('names its responder as names compare (RFC 5280 §7.1)', () => {
    const responder = responderOf(issuing);
    const by = (name: Name) => {
      const data = new DerReader(ocspOf({ responder }).response.tbs).enter(Tag.SEQUENCE, 'ResponseData');
      data.element('responderID');
      return verdictOn(responder, write.explicit(1, name.der), data.element('producedAt'), data.element('responses'));
    };
    const { subject, issuer } = responder.certificate;
    expect([by(subject), by(inCapitals(subject))]).toMatchObject([{ ok: true }, { ok: true }]);
    expect(by(issuer)).toMatchObject({ code: 'unauthorized_responder' });
  });

  it('is of a responder whose certificate names its issuer as names compare', () => {
    const { key, certificate } = issuing;
    const keyPair = { privateKey: key, publicKey: certificate.publicKey.keyObject };
    const same = TestCa.root({ keyPair, subject: inCapitals(certificate.subject) });
    const other = TestCa.root({ keyPair, commonName: 'Other' });
    expect(verdict({ responder: responderOf(same) })).toMatchObject({ ok: true });
    expect(verdict({ responder: responderOf(other) })).toMatchObject({ code: 'unauthorized_responder' });
  });

  const HOUR = 3_600_000;
  const at = (hours: number): Date => new Date(Date.now() + hours * HOUR);
  const expired = issuing.issue({ purposes: [Oid.ocspSigning], notBefore: at(-2), notAfter: at(-1) });
  it.each<[string, ResponseChange, Partial<OcspVerification>, string]>([
    ['about another certificate', { answered: ['40a2'] }, {}, 'other_certificate'],
    ['about another CA’s', { answeredIssuer: root }, {}, 'other_certificate'],
    ['of a responder of the root', { responder: responderOf(root) }, {}, 'unauthorized_responder'],
    [
      'of one that is not for that',
      { responder: responderOf(issuing, [Oid.anyExtendedKeyUsage]) },
      {},
      'unauthorized_responder',
    ],
    [
      'of one that somebody of the issuer’s name certified',
      { responder: responderOf(TestCa.root({ subject: issuing.certificate.subject })) },
      {},
      'unauthorized_responder',
    ],
    [
      'of one whose key usage is another',
      {
        responder: issuing.issue({
          purposes: [Oid.ocspSigning],
          extensions: [encodeExtensionOf.keyUsage([KeyUsage.keyAgreement])],
        }),
      },
      {},
      'unauthorized_responder',
    ],
    ['of one that has expired', { responder: expired }, {}, 'unauthorized_responder'],
    [
      'of one with a critical extension',
      {
        responder: issuing.issue({
          purposes: [Oid.ocspSigning],
          extensions: [{ oid: '1.2.3.4', critical: true, value: write.nullElement() }],
        }),
      },
      {},
      'unauthorized_responder',
    ],
    [
      'of one with a weak key',
      { responder: issuing.issue({ purposes: [Oid.ocspSigning], keyType: 'RSA-1024' }) },
      {},
      'unauthorized_responder',
    ],
    ['without the certificate of its responder', { certificates: [] }, {}, 'unauthorized_responder'],
    ['with another nonce', { nonce: Buffer.of(1) }, { nonce: Buffer.of(2) }, 'other_nonce'],
    ['without the nonce', {}, { nonce: Buffer.of(2) }, 'other_nonce'],
    ['from the future', { thisUpdate: at(0.1), nextUpdate: at(1) }, {}, 'not_yet_valid'],
    ['at no time', {}, { time: new Date(NaN) }, 'unauthorized_responder'],
    [
      'at no time, of the issuer itself',
      { issuer: signing, responder: signing, certificates: [] },
      { issuer: signing.certificate, time: new Date(NaN) },
      'not_yet_valid',
    ],
    ['from the past', { thisUpdate: at(-2), nextUpdate: at(-1) }, {}, 'stale'],
    [
      'with a critical extension',
      { extensions: [{ oid: '1.2.3.4', critical: true, value: write.nullElement() }] },
      {},
      'unknown_critical_extension',
    ],
    [
      'with a critical extension about the certificate',
      { singleExtensions: [{ oid: '1.2.3.4', critical: true, value: write.nullElement() }] },
      {},
      'unknown_critical_extension',
    ],
  ])('is not believed %s', (_, change, more, code) => {
    expect(verdict(change, more)).toMatchObject({ ok: false, code });
  });

  it('that says two things of one certificate does not say that it is good', () => {
    const [good, revoked] = [
      { status: 'good' },
      { status: 'revoked', revocationTime: at(-1), reason: CrlReason.superseded },
    ] as const;
    const unknown = { status: 'unknown' } as const;
    for (const worse of [revoked, unknown])
      for (const statuses of [
        [good, worse],
        [worse, good],
      ])
        expect(verdict({ answered: ['40a1', '40a1'], statuses }, {})).toMatchObject({
          certStatus: { status: worse.status },
        });
  });

  it('is not believed with one bit of what was signed, or of the signature, changed', () => {
    const { der } = ocspOf();
    const { basic } = decodeOcspResponse(der);
    for (const part of [basic!.tbs, basic!.signature]) {
      const changed = Buffer.from(der);
      const place = part.byteOffset - basic!.der.byteOffset + der.length - basic!.der.length + part.length - 1;
      changed[place] = changed[place]! ^ 1;
      const answer = (): unknown => verifyOcspResponse(decodeOcspResponse(changed), wanted());
      try {
        expect(answer()).toMatchObject({ ok: false });
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }
  });
});

test('octets of any kind, and a request with any octets changed, end in a value or a DecodeError', () => {
  const sound = encodeOcspRequest([certId, certIdOf(issuing.certificate, '7f', 'sha256')], Buffer.alloc(16, 1));
  const read = (octets: Uint8Array): void => {
    for (const decode of [decodeOcspRequest, decodeOcspResponse])
      try {
        decode(octets);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
  };
  const changes = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), changes, (octets, changed) => {
      read(octets);
      const mutated = Buffer.from(sound);
      for (const [place, octet] of changed) mutated[place] = octet;
      read(mutated);
    }),
    { numRuns: 500 },
  );
});

test('what is written is what is read: any serial number, any nonce, any number of certificates', () => {
  const serial = fc.bigInt(1n, 2n ** 159n).map((number) => {
    const text = number.toString(16);
    return text.length % 2 ? `0${text}` : text;
  });
  const digest = fc.constantFrom('sha1' as const, 'sha256' as const);
  const asked = fc.array(fc.tuple(serial, digest), { minLength: 1, maxLength: 32 });
  const nonce = fc.option(fc.uint8Array({ minLength: 1, maxLength: 128 }), { nil: undefined });
  fc.assert(
    fc.property(asked, nonce, (certificates, octets) => {
      const certIds = certificates.map(([number, by]) => certIdOf(issuing.certificate, number, by));
      const der = encodeOcspRequest(certIds, octets);
      fc.pre(der.length <= 4096);
      const request = decodeOcspRequest(der);
      expect(request.certIds.map(({ serialNumber }) => serialNumber)).toEqual(certificates.map(([number]) => number));
      expect(request.nonce && hex(request.nonce)).toBe(octets && hex(octets));
      expect(hex(encodeOcspRequest(request.certIds, request.nonce))).toBe(hex(der));
    }),
    { numRuns: 100 },
  );
});
