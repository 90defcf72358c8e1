import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { commandLine } from '../../test/support/command-line.js';
import { temporaryFolder } from '../../test/support/folder.js';
import { insertCertificate, insertIssuer, openStore, reserveSerial } from '../store/index.js';

const ROWS = 2500;
const NOW = new Date('2026-06-01T00:00:00Z');
const folder = temporaryFolder();
const path = join(folder, 'veritas.db');

/** Runs `veritas list`; `pieces` is what was written at once each time, `drained` how often it waited for its reader. */
async function run(args: readonly string[], streams: { errIsTerminal?: boolean; outIsTerminal?: boolean } = {}) {
  const pieces: string[] = [];
  let [err, drained] = ['', 0];
  const own = {
    out: (text: string) => void pieces.push(text),
    err: (text: string) => void (err += text),
    drained: () => {
      drained++;
      return Promise.resolve();
    },
    ...streams,
  };
  const { code } = await commandLine(['list', ...args], { VERITAS_STORE_PATH: path }, { streams: own, now: () => NOW });
  return { code, err, drained, pieces, out: pieces.join('') };
}

beforeAll(async () => {
  const store = await openStore({ path });
  const at = NOW.getTime();
  await store.transaction(async (transaction) => {
    const id = 'issuing';
    await insertIssuer(transaction, {
      id,
      role: 'issuing',
      parent: id,
      der: new Uint8Array(1),
      created_at: 1,
      state: 'active',
      key_place: 'here',
    });
    for (let i = 0; i < ROWS; i++) {
      const serial = (i + 0x1000).toString(16).padStart(32, '0');
      await reserveSerial(transaction, serial, NOW);
      await insertCertificate(transaction, {
        serial,
        issuer: id,
        profile: 'service',
        service: i === 0 ? '=cmd|calc' : i === 1 ? null : `service-${i % 7}`,
        subject: i === 2 ? '@SUM(A1),O="Big"' : i === 3 ? 'CN=a\nb' : `CN=service-${i % 7}`,
        not_before: at - 1000,
        not_after: at + i,
        spki_sha256: serial,
        fingerprint: serial,
        der: Uint8Array.of(0),
        requester: i === 4 ? "-2+3' evil" : 'test',
        request_id: 'r',
        issued_at: at + i,
      });
    }
  });
  await store.close();
});

describe('veritas list', () => {
  it('as JSON: one array as if it were written at once, and page by page as the reader takes it', async () => {
    const { code, out, err, pieces, drained } = await run(['--json']);
    expect([code, err]).toEqual([0, '']);
    const records = JSON.parse(out) as { serial_number: string; service: string | null }[];
    expect(out).toBe(`${JSON.stringify(records, undefined, 2)}\n`);
    expect(records.map(({ serial_number: serial }) => parseInt(serial, 16) - 0x1000)).toEqual(
      Array.from({ length: ROWS }, (_, i) => ROWS - 1 - i),
    );
    expect([pieces.length, drained]).toEqual([5, 5]);
    expect((await run(['--json', '--service', 'nobody'])).out).toBe('[]\n');
    expect(JSON.parse((await run(['--json', '--limit', '1001'])).out)).toHaveLength(1001);
  });

  it('as CSV: a line a row, quoted, and nothing that a spreadsheet would calculate', async () => {
    const { code, out } = await run(['--csv']);
    expect(code).toBe(0);
    const lines = out.split('\r\n');
    expect(lines).toHaveLength(ROWS + 2);
    expect(lines[0]).toBe(
      'serial_number,issuer,profile,service,subject,status,not_before,not_after,issued_at,requester,revoked_at,revocation_reason,invalidity_date,fingerprint_sha256',
    );
    const [fifth, fourth, third, second, first] = lines.slice(-6);
    expect(first).toContain(",'=cmd|calc,CN=service-0,active,");
    expect(second).toContain(',service,,CN=service-1,');
    expect(third).toContain(`,"'@SUM(A1),O=""Big""",`);
    expect(fourth).toContain(',CN=a\\u000ab,');
    expect(fifth).toContain(`,"'-2+3' evil",`);
    expect(await run(['--csv', '--json'])).toMatchObject({ code: 2, out: '' });
    expect((await run(['--csv', '--service', 'nobody'])).out.split('\r\n')).toHaveLength(2);
  });

  it('for a person: one header', async () => {
    const { out } = await run(['--limit', '2200']);
    expect(out.match(/^SERIAL NUMBER/gm)).toHaveLength(1);
    expect(out.trimEnd().split('\n')).toHaveLength(2201);
  });

  it('counts for the bar only when it is seen, and wipes it', async () => {
    const { err } = await run(['--csv'], { errIsTerminal: true });
    // Quick work never shows it; what it leaves behind is nothing.
    expect(err.replaceAll(/\r[^\r]*/g, '')).toBe('');
    expect((await run(['--csv'], { errIsTerminal: true, outIsTerminal: true })).err).toBe('');
  });
});
