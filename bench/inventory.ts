// Whether the inventory stays flat: the same calls with a thousand certificates in the store and with a million, SQLite, side by side.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  findCertificate,
  insertCertificate,
  listCertificates,
  openStore,
  reserveSerial,
  type CertificateFilter,
  type Store,
} from '../src/store/index.js';
import { ratioOf, reportRounds, say } from './support/report.js';

const SIZES = [1_000, 1_000_000] as const;
const ROUNDS = 15;
const CALLS = 40;
const BATCH = 100_000;
const HOUR = 3_600_000;
const SERVICES = 100;
const now = new Date();
// A certificate's size; what is in it nobody reads here.
const octets = randomBytes(700);
const folder = mkdtempSync(join(tmpdir(), 'veritas-bench-inventory-'));

interface Subject {
  readonly size: number;
  readonly store: Store;
  readonly serials: readonly string[];
  /** A place in the middle of the list. */
  readonly middle: string;
}

/** One of ten is revoked, a third is over, ends are spread over 30 days; a hundred services, each with as many. */
async function filled(size: number): Promise<Subject> {
  const path = join(folder, `${size}.db`);
  await (await openStore({ path })).close();
  const sqlite = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  // Only to fill it: what is measured commits as always, into the same indexes.
  sqlite.exec('pragma synchronous = off; pragma cache_size = -400000');
  const indexes = sqlite.prepare(`select name, sql from sqlite_master where type = 'index' and sql is not null`).all();
  for (const { name } of indexes) sqlite.exec(`drop index ${String(name)}`);
  sqlite
    .prepare(
      `insert into issuer (id, role, parent, der, created_at, state, key_place) values ('issuing', 'issuing', 'issuing', ?, 1, 'active', 'here')`,
    )
    .run(octets);
  const serial = sqlite.prepare('insert into serial (serial, reserved_at) values (?, ?)');
  const certificate = sqlite.prepare(
    `insert into certificate (serial, issuer, profile, service, subject, not_before, not_after, spki_sha256, fingerprint, der, requester,
      request_id, issued_at, status, revoked_at, revocation_reason, revocation_sequence)
     values (?, 'issuing', 'service', ?, ?, ?, ?, ?, ?, ?, 'bench', 'bench', ?, ?, ?, ?, ?)`,
  );
  const serials: string[] = [];
  const start = now.getTime() - 10 * 24 * HOUR;
  for (let from = 0; from < size; from += BATCH) {
    sqlite.exec('begin immediate');
    for (let i = from; i < Math.min(size, from + BATCH); i++) {
      const number = randomBytes(16).toString('hex');
      const issuedAt = start + Math.floor((i / size) * 10 * 24 * HOUR);
      const end = issuedAt + ((i * 7919) % 720) * HOUR;
      const revoked = i % 10 === 0;
      serial.run(number, issuedAt);
      certificate.run(
        ...[
          number,
          `service-${i % SERVICES}`,
          `CN=service-${i % SERVICES}`,
          issuedAt,
          end,
          number,
          `f${number}`,
          octets,
        ],
        ...[
          issuedAt,
          revoked ? 'revoked' : 'active',
          revoked ? end : null,
          revoked ? 'superseded' : null,
          revoked ? i + 1 : null,
        ],
      );
      if (i % Math.ceil(size / 1000) === 0) serials.push(number);
    }
    sqlite.exec('commit');
  }
  for (const { sql } of indexes) sqlite.exec(String(sql));
  sqlite.exec('pragma wal_checkpoint(truncate)');
  sqlite.close();
  const middle = Buffer.from(`${start + 5 * 24 * HOUR}:ff`).toString('base64url');
  return { size, store: await openStore({ path }), serials, middle };
}

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

const start = performance.now();
const subjects: Subject[] = [];
for (const size of SIZES) subjects.push(await filled(size));
say(
  `inventory: SQLite, filled in ${Math.round((performance.now() - start) / 1000)} s; medians of ${ROUNDS} rounds of ${CALLS} calls; pages of 100 but for a service's`,
);
const rounds: Record<string, number[]> = {};
const labelOf = (name: string, size: number): string => `${name}, ${size.toLocaleString('en').replaceAll(',', ' ')}`;
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
reportRounds(
  'inventory',
  'median',
  'us',
  rounds,
  Object.fromEntries(cases.map(([name]) => [labelOf(name, many), [labelOf(name, few)]])),
);
const ratios = cases.map(([name]) => ratioOf(rounds[labelOf(name, many)] ?? [], rounds[labelOf(name, few)] ?? []));
say(`the largest ratio is ${Math.max(...ratios).toFixed(2)}; the aim is at most 1.5`);
for (const { store } of subjects) await store.close();
rmSync(folder, { recursive: true });
