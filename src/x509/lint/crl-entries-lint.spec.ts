import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Tag, write } from '../../der/index.js';
import { encodeRevokedCertificate } from '../encode.js';
import { CrlReason } from '../revoked-certificate.js';
import { CrlEntriesLint } from './crl-entries-lint.js';
import { NumberLog } from './number-log.js';

const thisUpdate = new Date('2030-01-01T00:00:00Z');
const revocationDate = new Date('2029-01-01T00:00:00Z');

const pieceOf = (serials: readonly string[]): Uint8Array =>
  Buffer.concat(
    serials.map((each) =>
      encodeRevokedCertificate({
        serialNumber: Buffer.from(each, 'hex'),
        revocationDate,
        reason: CrlReason.superseded,
      }),
    ),
  );

/** What is found about the entries of all pieces together, and how often they were looked at again. */
function check(pieces: readonly Uint8Array[], key: readonly [number, number], before?: CrlEntriesLint) {
  const lint = new CrlEntriesLint({ isDelta: false, thisUpdate, key, before });
  for (const piece of pieces) expect(lint.check(piece)).toBeUndefined();
  let again = 0;
  const findings = [
    ...lint.checkUnique(() => {
      again++;
      return pieces;
    }),
  ].filter((finding) => finding !== undefined);
  return { lint, findings, again };
}

it('finds a number that is not positive, and removeFromCRL but in a delta', () => {
  const ruleOf = (entry: Uint8Array, isDelta = false): string | undefined =>
    new CrlEntriesLint({ isDelta, thisUpdate, key: [1, 2] }).check(entry)?.rule;
  const numbered = (first: number) =>
    write.sequence(write.element(Tag.INTEGER, Buffer.of(first)), write.time(revocationDate));
  expect([0x00, 0x80, 0xff, 0x01, 0x7f].map((first) => ruleOf(numbered(first)))).toEqual([
    ...Array<string>(3).fill('crl-entry-serial-number'),
    ...Array<undefined>(2).fill(undefined),
  ]);
  const released = { serialNumber: Buffer.of(1), revocationDate, reason: CrlReason.removeFromCRL };
  const entry = encodeRevokedCertificate(released);
  expect([ruleOf(entry), ruleOf(entry, true)]).toEqual(['crl-entry-reason', undefined]);
});

describe('serial numbers that occur twice', () => {
  // Short ones come again soon.
  const serial = fc
    .oneof(fc.uint8Array({ maxLength: 1 }), fc.uint8Array({ maxLength: 19 }))
    .map((octets) => `7f${Buffer.from(octets).toString('hex')}`);

  it('are found in whatever pieces they come, and no others are', () => {
    let before: CrlEntriesLint | undefined;
    fc.assert(
      fc.property(
        fc.array(fc.array(serial, { maxLength: 20 }), { maxLength: 5 }),
        fc.nat(),
        fc.nat(),
        (pieces, a, b) => {
          const all = pieces.flat();
          const twice = all.filter((each, at) => all.indexOf(each) < at);
          const { lint, findings } = check(pieces.map(pieceOf), [a, b], before);
          before = lint;
          expect(findings.map(({ rule, message }) => [rule, message])).toEqual(
            twice.map((each) => ['crl-entry-unique', `the serial number ${each} occurs twice`]),
          );
        },
      ),
    );
  });

  it('are not those that only have the same hash', () => {
    const key = [1, 2] as const;
    const alike = ['11111111003241ae', '111111110044542a'];
    const hashOf = (each: string): number =>
      new NumberLog(key).hashOf(new DataView(Uint8Array.from(Buffer.from(each, 'hex')).buffer), 0, 8);
    expect(hashOf(alike[0]!)).toBe(hashOf(alike[1]!));
    expect(check([pieceOf(alike)], key)).toMatchObject({ findings: [], again: 1 });
    expect(check([pieceOf(alike), pieceOf(alike.slice(1))], key)).toMatchObject({
      findings: [{ message: 'the serial number 111111110044542a occurs twice' }],
    });
  });

  it('are looked for once when no two have the same hash', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => (0x11000000 + i).toString(16));
    expect(check([pieceOf(many)], [1, 2])).toMatchObject({ findings: [], again: 0 });
  });
});
