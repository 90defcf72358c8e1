// Whether the inventory stays flat: the same calls with a thousand certificates in the store and with a million, side by side, in each store.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  findCertificate,
  insertCertificate,
  listCertificates,
  openStore,
  reserveSerial,
  type CertificateFilter,
  type Store,
} from '../src/store/index.js';
import { fillPostgres, fillSqlite, HOUR } from './support/filled-store.js';
import { startPostgres } from './support/postgres-server.js';
import { ratioOf, reportRounds, say } from './support/report.js';

const SIZES = [1_000, 1_000_000] as const;
const ROUNDS = 15;
const CALLS = 40;
const now = new Date();
const begin = now.getTime() - 10 * 24 * HOUR;
const folder = mkdtempSync(join(tmpdir(), 'veritas-bench-inventory-'));

interface Subject {
  readonly size: number;
  readonly store: Store;
  readonly serials: readonly string[];
  /** A place in the middle of the list. */
  readonly middle: string;
}

const middle = Buffer.from(`${begin + 5 * 24 * HOUR}:ff`).toString('base64url');

async function onSqlite(size: number): Promise<Subject> {
  const path = join(folder, `${size}.db`);
  const serials = await fillSqlite(path, size, begin);
  return { size, store: await openStore({ path }), serials, middle };
}

const onPostgres =
  (server: string) =>
  async (size: number): Promise<Subject> => {
    const database = `certificates_${size}`;
    const client = new pg.Client({ connectionString: server });
    await client.connect();
    await client.query(`create database ${database}`);
    await client.end();
    const url = server.replace('/postgres?', `/${database}?`);
    const serials = await fillPostgres(url, size, begin);
    return { size, store: await openStore({ url }), serials, middle };
  };

const page =
  (filter: CertificateFilter) =>
  ({ store: { database } }: Subject) =>
    listCertificates(database, { now, ...filter });
const week = new Date(now.getTime() + 168 * HOUR);
const service = 'service-42';

async function insert({ store, serials }: Subject): Promise<void> {
  const serial = randomBytes(16).toString('hex');
  const row = await findCertificate(store.database, serials[0] ?? '');
  if (!row) throw new Error('there is no certificate');
  await store.transaction(async (transaction) => {
    await reserveSerial(transaction, serial, now);
    await insertCertificate(transaction, { ...row, serial, fingerprint: serial, issued_at: Date.now() });
  });
}

let turn = 0;
const cases: readonly (readonly [name: string, work: (subject: Subject) => Promise<unknown>])[] = [
  ['insert, durable', insert],
  ['look up', ({ store, serials }) => findCertificate(store.database, serials[turn++ % serials.length] ?? '')],
  ['first page', page({})],
  ['page in the middle', ({ store, middle }) => listCertificates(store.database, { cursor: middle })],
  ['revoked', page({ status: 'revoked' })],
  ['active', page({ status: 'active' })],
  ['expired', page({ status: 'expired' })],
  ['a service', page({ service, limit: 10 })],
  ['ends within a week', page({ expiresBefore: week })],
  ['active, ends within a week', page({ status: 'active', expiresBefore: week })],
  ['a service, revoked', page({ service: 'service-40', status: 'revoked', limit: 10 })],
  ['a service, active, ends within a week', page({ service, status: 'active', expiresBefore: week, limit: 1 })],
];

async function measure(kind: string, fill: (size: number) => Promise<Subject>): Promise<void> {
  const start = performance.now();
  const subjects: Subject[] = [];
  for (const size of SIZES) subjects.push(await fill(size));
  say(
    `inventory: ${kind}, filled in ${Math.round((performance.now() - start) / 1000)} s; medians of ${ROUNDS} rounds of ${CALLS} calls; pages of 100 but for a service's`,
  );
  const rounds: Record<string, number[]> = {};
  const labelOf = (name: string, size: number): string =>
    `${kind}, ${name}, ${size.toLocaleString('en').replaceAll(',', ' ')}`;
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, work] of cases) {
      for (const subject of round % 2 ? subjects : subjects.toReversed()) {
        const times: number[] = [];
        for (let call = 0; call < CALLS; call++) {
          const from = performance.now();
          await work(subject);
          times.push(performance.now() - from);
        }
        // The first round warms up.
        if (round < 0) continue;
        times.sort((a, b) => a - b);
        (rounds[labelOf(name, subject.size)] ??= []).push((times[CALLS >> 1] ?? 0) * 1000);
      }
    }
  }
  const [few, many] = SIZES;
  const baselines = cases.map(([name]) => [labelOf(name, many), [labelOf(name, few)]] as const);
  reportRounds('inventory', 'median', 'us', rounds, Object.fromEntries(baselines));
  const ratios = cases.map(([name]) => ratioOf(rounds[labelOf(name, many)] ?? [], rounds[labelOf(name, few)] ?? []));
  say(`${kind}: the largest ratio is ${Math.max(...ratios).toFixed(2)}; the aim is at most 1.5`);
  for (const { store } of subjects) await store.close();
}

await measure('SQLite', onSqlite);
const postgres = await startPostgres();
say(postgres ? `with ${postgres.version}` : 'PostgreSQL is not installed: its cases are left out');
if (postgres) {
  await measure('PostgreSQL', onPostgres(postgres.url));
  postgres.stop();
}
rmSync(folder, { recursive: true });
