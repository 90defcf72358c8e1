import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { commandLine } from '../../test/support/command-line.js';
import { temporaryFolder } from '../../test/support/folder.js';
import { AuditLog } from '../audit/index.js';
import { openStore } from '../store/index.js';

const ROWS = 2500;
const START = Date.now() - ROWS * 3_600_000;

describe('veritas audit', () => {
  let folder: string;
  const path = (name: string): string => join(folder, name);
  const run = async (...args: string[]) => {
    let err = '';
    const pieces: string[] = [];
    let waits = 0;
    const streams = {
      out: (text: string) => void pieces.push(text),
      err: (text: string) => void (err += text),
      drained: () => {
        waits++;
        return Promise.resolve();
      },
    };
    const environment = { VERITAS_CONFIG: path('veritas.yaml'), VERITAS_STORE_PATH: path('veritas.db') };
    const { code } = await commandLine(['audit', ...args], environment, { streams });
    return { code, err, pieces, waits, out: pieces.join('') };
  };
  const linesOf = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  beforeAll(async () => {
    folder = temporaryFolder();
    writeFileSync(path('veritas.yaml'), '{}\n');
    const store = await openStore({ path: path('veritas.db') });
    let i = 0;
    // A row an hour, up to now.
    const audit = new AuditLog(store, () => new Date(START + ++i * 3_600_000));
    await store.transaction(async (transaction) => {
      for (let row = 1; row <= ROWS; row++)
        await audit.append(
          {
            action: 'certificate.issue',
            phase: 'intent',
            actor: row === 7 ? 'mallory\n{"sequence":8}\u202e' : 'test',
            requestId: 'r',
            subject: row === 8 ? '=1+1' : `s${row}`,
            detail: { row: String(row) },
          },
          transaction,
        );
    });
    await store.close();
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('exports every row as a line of JSON, a page at a time', async () => {
    const { code, out, err, pieces, waits } = await run('export');
    expect([code, err]).toEqual([0, `${ROWS} rows of the audit record.\n`]);
    const lines = linesOf(out);
    expect(lines.map(({ sequence }) => sequence)).toEqual(Array.from({ length: ROWS }, (_, i) => i + 1));
    expect(lines[0]).toMatchObject({
      at: new Date(START + 3_600_000).toISOString(),
      request_id: 'r',
      detail: { row: '1' },
      previous_hash: '0'.repeat(64),
    });
    expect(lines[6]).toMatchObject({ actor: 'mallory\n{"sequence":8}\u202e' });
    expect(Math.max(...pieces.map((piece) => piece.split('\n').length))).toBe(1001);
    expect(waits).toBe(pieces.length);
  });

  it('exports what was done since, in any form, into a file for its owner that is replaced whole', async () => {
    expect(linesOf((await run('export', '--since', '10h')).out)).toHaveLength(10);
    expect(
      linesOf((await run('export', '--since', new Date(START + 2499.5 * 3_600_000).toISOString())).out),
    ).toHaveLength(1);
    mkdirSync(path('out'));
    writeFileSync(path('out/audit.csv'), 'old', { mode: 0o644 });
    const { code, out } = await run('export', '--format', 'csv', '--out', path('out/audit.csv'), '--json');
    expect([code, JSON.parse(out)]).toEqual([0, { rows: ROWS, format: 'csv', file: path('out/audit.csv') }]);
    expect(readdirSync(path('out'))).toEqual(['audit.csv']);
    expect(statSync(path('out/audit.csv')).mode & 0o777).toBe(0o600);
    const lines = readFileSync(path('out/audit.csv'), 'utf8').split('\r\n');
    expect(lines).toHaveLength(1 + ROWS + 1);
    expect(lines[8]).toContain(",'=1+1,");
    expect(
      (await run('export', '--format', 'cef')).out.match(/^CEF:0\|Veritas\|Veritas\|0\.0\.0-test\|/gm),
    ).toHaveLength(ROWS);
    const nowhere = await run('export', '--out', path('missing/audit.json'));
    expect(nowhere).toMatchObject({ code: 3, out: '' });
    expect(nowhere.err).toMatch(/^veritas: .*missing\/audit\.json cannot be written \(ENOENT\): /);
  });

  it('hears a signal between two pages that go into a file', async () => {
    mkdirSync(path('heard'));
    let turns = 0;
    // Turns of the event loop while the file is written.
    const look = (): void => {
      if (readdirSync(path('heard')).some((name) => name.endsWith('.tmp'))) turns++;
      next = setImmediate(look);
    };
    let next = setImmediate(look);
    expect(await run('export', '--out', path('heard/audit.json'))).toMatchObject({ code: 0 });
    clearImmediate(next);
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  it('verifies, and names the first row that does not hold', async () => {
    expect(await run('verify')).toMatchObject({ code: 0, out: `${ROWS} rows hold together\n`, err: '' });
    expect(JSON.parse((await run('verify', '--json')).out)).toEqual({ ok: true, rows: ROWS });
    const raw = new DatabaseSync(path('veritas.db'));
    raw.exec("drop trigger audit_is_not_changed; update audit set actor = 'x' where sequence = 1234");
    raw.close();
    const bad = await run('verify');
    expect([bad.code, bad.out]).toEqual([1, 'row 1234: changed\n']);
    expect(bad.err).toMatch(
      /^veritas: the audit record is not intact: row 1234 is not as it was written: keep the store/,
    );
    const json = await run('verify', '--json');
    expect([json.code, JSON.parse(json.out)]).toEqual([1, { ok: false, sequence: 1234, problem: 'changed' }]);
  });
});
