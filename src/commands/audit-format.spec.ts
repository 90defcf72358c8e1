import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AuditRow } from '../store/index.js';
import { auditWriter } from './audit-format.js';

const row: AuditRow = {
  sequence: 1,
  at: 1_700_000_000_000,
  action: 'certificate.issue',
  phase: 'intent',
  actor: 'cli:somebody',
  request_id: 'r-1',
  subject: '3f0a',
  detail: '{"service":"veritas-worker"}',
  previous_hash: '0'.repeat(64),
  hash: 'a'.repeat(64),
};
const json = auditWriter('json', '1.2.3');
const csv = auditWriter('csv', '1.2.3');
const cef = auditWriter('cef', '1.2.3');

/** RFC 4180: lines of cells, quoted or not. */
function readCsv(text: string): string[][] {
  const lines: string[][] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  for (let cells: string[] = []; cell.lastIndex < text.length;) {
    const [, quoted, bare, end] = cell.exec(text) ?? [];
    if (end === undefined) throw new Error('not CSV');
    cells.push(quoted?.replaceAll('""', '"') ?? bare ?? '');
    if (end === ',') continue;
    lines.push(cells);
    cells = [];
  }
  return lines;
}

const unescaped = (cell: string): string =>
  cell
    .replace(/^'/, '')
    .replace(/\\(?:\\|u([0-9a-f]{4}))/g, (_, hex?: string) =>
      hex === undefined ? '\\' : String.fromCharCode(parseInt(hex, 16)),
    );

// C0, DEL, C1, separators, what turns text around, what cannot be seen.
const FORGING = /[\p{Cc}\p{Zl}\p{Zp}\p{Cf}\p{Cs}]/u;
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(
      ...Array.from('\n\r\t\0\u001b\u007f\u0085\u2028\u2029\u202e\u2066\ufeff\ud800\\u000a",=+-@\'|'),
    ),
  }),
  fc.constantFrom("=cmd|' /C calc'!A0", '@SUM(1)', "'quoted", '\t=1', '{"level":"fatal"}', '__proto__', '\\u000a'),
);
// JSON.parse of Node.js 24.21 takes a key with escapes for another such key of its length that stood at its place in an object before. Ours have none.
const key = text.map((name) => name.replace(/["\\\p{C}]/gu, '-'));
const details = fc.dictionary(key, text).map((detail) => JSON.stringify(detail));
const rows = fc
  .record({ actor: text, subject: text, request_id: text, detail: details })
  .map((some) => ({ ...row, ...some }));

describe('the audit record for other programs', () => {
  it('is one line of JSON a row, with the same values, whatever text is in it', () => {
    fc.assert(
      fc.property(rows, (one) => {
        const line = json.line(one);
        expect(line.endsWith('\n')).toBe(true);
        expect(line.slice(0, -1)).not.toMatch(FORGING);
        const { at, detail, ...rest } = JSON.parse(line) as Record<string, unknown>;
        expect([new Date(String(at)).getTime(), detail]).toEqual([one.at, JSON.parse(one.detail)]);
        expect({ ...rest, at: one.at, detail: one.detail }).toEqual(one);
      }),
    );
  });

  it('is one line of CSV a row, which reads back, and no cell is a formula', () => {
    fc.assert(
      fc.property(fc.array(rows, { maxLength: 3 }), (some) => {
        const lines = csv.header + some.map(csv.line).join('');
        expect(lines.replaceAll('\r\n', '')).not.toMatch(FORGING);
        expect(lines.match(/\r\n/g)).toHaveLength(1 + some.length);
        const [header = [], ...read] = readCsv(lines);
        expect(read).toHaveLength(some.length);
        for (const [i, cells] of read.entries()) {
          const of = (name: string): string => cells[header.indexOf(name)] ?? '';
          for (const cell of cells) expect(cell).not.toMatch(/^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/);
          for (const name of ['actor', 'subject', 'request_id', 'action', 'hash'] as const)
            expect(unescaped(of(name))).toBe(some[i]![name]);
          expect(JSON.parse(of('detail'))).toEqual(JSON.parse(some[i]!.detail));
          expect(of('at')).toBe('2023-11-14T22:13:20.000Z');
        }
      }),
    );
  });

  it('is one line of CEF a row, and no text begins a field of its own', () => {
    expect(cef.line(row)).toMatch(
      /^CEF:0\|Veritas\|Veritas\|1\.2\.3\|certificate\.issue\|certificate\.issue intent\|3\|rt=1700000000000 externalId=1 act=/,
    );
    fc.assert(
      fc.property(rows, (one) => {
        const line = cef.line(one);
        expect(line.slice(0, -1)).not.toMatch(FORGING);
        expect(line.match(/(?<!\\)(?:\\\\)*=/g)).toHaveLength(16);
      }),
    );
    expect(cef.line({ ...row, action: 'a|b\\' })).toContain('|1.2.3|a\\|b\\\\|');
  });

  it('bears what somebody wrote past this program', () => {
    const odd = { ...row, at: 9e15, detail: 'no json\n' };
    expect(JSON.parse(json.line(odd))).toMatchObject({ at: '9000000000000000', detail: 'no json\n' });
    expect(readCsv(csv.line(odd))[0]).toEqual(expect.arrayContaining(['9000000000000000', '"no json\\n"']));
  });
});
