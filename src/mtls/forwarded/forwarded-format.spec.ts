import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { computingTime } from '../../../test/support/computing-time.js';
import { BROKEN, escapedPem, WRITTEN } from '../../../test/support/forwarded-headers.js';
import { TestCa } from '../../testing/index.js';
import { decodeCertificate, DecodeError, encodePem } from '../../x509/index.js';
import { decodeForwarded, FORWARDED_FORMATS, type ForwardedFormatName } from './forwarded-format.js';
import { ForwardedHeaderError, type ForwardedHeaderDefect } from './forwarded-header-error.js';

const FORMATS = Object.keys(FORWARDED_FORMATS) as ForwardedFormatName[];
const { der } = TestCa.root().issue({ commonName: 'billing' }).certificate;
const octets = fc.uint8Array({ minLength: 1, maxLength: 3000 });

const defectOf = (run: () => unknown): ForwardedHeaderDefect | undefined => {
  try {
    run();
  } catch (error) {
    if (error instanceof ForwardedHeaderError) return error.defect;
    throw error;
  }
  return undefined;
};

describe.each(FORMATS)('%s', (format) => {
  test('what a proxy writes is read back', () => {
    fc.assert(
      fc.property(octets, (value) => {
        expect(Buffer.compare(decodeForwarded(format, WRITTEN[format](value))[0], value)).toBe(0);
      }),
    );
  });

  test('has one spelling: a changed text is an error of ours, or says other octets', () => {
    const text = WRITTEN[format](der);
    const change = fc.record({
      at: fc.nat(text.length),
      cut: fc.nat(70),
      put: fc.oneof(
        fc.string({ maxLength: 4 }),
        fc.constantFrom(':', ',', ';', '"', '\\', '\\"', '=', '%0A', '%', ' ', '\t', '-----', 'Cert=', '\0', 'é'),
        fc.nat(text.length - 1).map((from) => text.slice(from, from + 80)),
      ),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const changed = changes.reduce((now, { at, cut, put }) => now.slice(0, at) + put + now.slice(at + cut), text);
        let read: Uint8Array | undefined;
        if (defectOf(() => ([read] = decodeForwarded(format, changed))) !== undefined || !read) return;
        // Envoy's header has more in it than the certificate.
        if (format !== 'xfcc' && changed !== text && changed !== `${text}%0A` && !text.startsWith(changed))
          expect(Buffer.compare(read, der)).not.toBe(0);
        try {
          decodeCertificate(read);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('whatever else it is given, it is an error of ours', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        defectOf(() => decodeForwarded(format, text));
        defectOf(() => decodeForwarded(format, WRITTEN[format](der), text));
      }),
      { numRuns: 1000 },
    );
  });

  const broken = Object.entries(BROKEN[format](der)).filter(([, text]) => typeof text === 'string');
  test.each(broken as [string, string][])('refused: %s', (_, text) => {
    let read: Uint8Array | undefined;
    // Whether the octets are a certificate is for the verifier to say.
    if (defectOf(() => ([read] = decodeForwarded(format, text))) === undefined)
      expect(() => decodeCertificate(read ?? Buffer.of())).toThrow(DecodeError);
  });

  test('of 16 384 characters at most, however hostile, in no time', () => {
    for (const piece of ['\\', '\\"', 'a=', 'A', ':', ',', '%', '%0A', 'Cert="', '-----BEGIN CERTIFICATE-----']) {
      const within = piece.repeat(16_384 / piece.length);
      const took = computingTime(() => {
        defectOf(() => decodeForwarded(format, within));
        defectOf(() => decodeForwarded(format, `Cert="${within.slice(8)}`));
      });
      expect(took).toBeLessThan(50);
      expect(defectOf(() => decodeForwarded(format, within.padEnd(16_385, 'A')))).toBe('too_long');
    }
  });
});

describe('Client-Cert-Chain', () => {
  const one = WRITTEN.rfc9440(der);
  test('is read beside the certificate, and bounded', () => {
    for (const chain of [one, `${one}, ${one}`, `${one},${one}\t,\t${one}`])
      expect(decodeForwarded('rfc9440', one, chain)).toEqual([one, ...chain.split(',')].map(() => Buffer.from(der)));
    const small = ':AQ==:';
    expect(decodeForwarded('rfc9440', one, Array(10).fill(small).join(', '))).toEqual([
      Buffer.from(der),
      ...Array<Buffer>(10).fill(Buffer.of(1)),
    ]);
    expect(defectOf(() => decodeForwarded('rfc9440', one, Array(11).fill(small).join(', ')))).toBe('too_long');
    // The bound is on both together.
    const room = 16_384 - one.length;
    expect(defectOf(() => decodeForwarded('rfc9440', one, 'A'.repeat(room)))).not.toBe('too_long');
    expect(defectOf(() => decodeForwarded('rfc9440', one, 'A'.repeat(room + 1)))).toBe('too_long');
    for (const chain of ['', ',', `${one},`, `${one} ${one}`, `${one};a`, 'AQ==', '(:AQ==:)'])
      expect([chain, defectOf(() => decodeForwarded('rfc9440', one, chain))]).toEqual([chain, expect.any(String)]);
  });
});

describe('x-forwarded-client-cert', () => {
  const cert = `Cert="${escapedPem(encodePem('CERTIFICATE', der))}"`;
  const hash = createHash('sha256').update(der).digest('hex');
  test('as Envoy writes it, with everything that it can write', () => {
    const chain = escapedPem(encodePem('CERTIFICATE', der) + encodePem('CERTIFICATE', randomBytes(500)));
    for (const text of [
      cert,
      `By=spiffe://a/b;Hash=${hash};${cert}`,
      `By=spiffe://a/b;By=spiffe://a/c;Hash=${hash};${cert};Chain="${chain}";Subject="CN=a,OU=\\"b\\"";URI=spiffe://c/d;DNS=a.example;DNS=b.example`,
      `hash=${hash};CERT=${cert.slice(6, -1)};Subject="";uri=`,
    ])
      expect(decodeForwarded('xfcc', text)[0]).toEqual(Buffer.from(der));
  });
  test('a Subject that ends in a backslash lets nothing out of its quotes', () => {
    const own = `;${cert}`;
    // The subject CN=a\ in RFC 2253, and one that holds a quote.
    for (const subject of ['CN=a\\\\', 'CN=a\\\\";URI=spiffe://admin;Subject=\\"'])
      expect(defectOf(() => decodeForwarded('xfcc', `Subject="${subject}"${own}`))).toBe('not_in_format');
  });
});
