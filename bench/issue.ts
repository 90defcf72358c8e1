// How many certificates a second, from the request's octets to the row that is durable, beside what bounds it: signatures, and commits of this disk.
import { fork } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DatabaseSync } from 'node:sqlite';
import { openCertificationAuthority, requestFor, type CertificationAuthority } from '../src/pki/index.js';
import { AcceptedRequest } from '../src/pki/issuance/accepted-request.js';
import { readRequest } from '../src/pki/issuance/certification-request.js';
import { IssuanceToken } from '../src/pki/issuance/issuance-token.js';
import { newSerialNumber } from '../src/pki/issuance/serial-number.js';
import { openStore, type StoreOptions } from '../src/store/index.js';
import { startCfssl } from './support/cfssl.js';
import type { PostOutcome, PostRound } from './support/http-load.js';
import { configurationIn } from './support/configuration.js';
import { materialFolder } from './support/material.js';
import { pkijsIssuer } from './support/pkijs-issuer.js';
import { startPostgres, type PostgresServer } from './support/postgres-server.js';
import { reportRounds, say } from './support/report.js';
import { startSubject, type ToldSubject } from './support/subject.js';

const ROUNDS = 12;
const ROUND_MS = 400;
// What runs for the first seconds is V8's interpreter.
const WARM_UP_MS = 4_000;
const AT_ONCE = 32;

/** What one round of a case came to; CPU seconds of the server, where it is a process of its own. */
interface Outcome {
  readonly count: number;
  readonly seconds: number;
  readonly p99: number;
  readonly cpuSeconds?: number;
}

const requester = { actor: 'bench', requestId: 'bench' };
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const csr = requestFor(privateKey, 'orders').der;
const scratch = mkdtempSync(join(tmpdir(), 'veritas-bench-'));
process.on('exit', () => {
  rmSync(scratch, { recursive: true, force: true });
});

async function openCa(name: string, options: StoreOptions): Promise<CertificationAuthority> {
  const { pki } = configurationIn(join(scratch, name));
  const store = await openStore(options);
  const settings = { ...pki, crlDirectory: join(scratch, name, 'crl') };
  const authority = await openCertificationAuthority({ settings, store, create: true });
  await authority.ca.openKeys();
  return authority;
}

/** Without a store: read, accept, lint, sign. */
async function withoutStore({ ca, settings }: CertificationAuthority): Promise<void> {
  const { issuer } = ca.issuing;
  const { organization, backdate, publicationUrl } = settings;
  const accepted = AcceptedRequest.accept(await readRequest(csr), {
    profile: ca.profiles.named('service'),
    organization,
    requester,
  });
  const terms = { serialNumber: newSerialNumber(), algorithm: issuer.algorithm, now: new Date() };
  await issuer.issue(new IssuanceToken(accepted, issuer.identity, { ...terms, backdate, publicationUrl }));
}

const inProcess =
  (work: () => unknown, atOnce = 1) =>
  async (): Promise<Outcome> => {
    const latencies: number[] = [];
    const start = performance.now();
    const end = start + ROUND_MS;
    const lane = async (): Promise<void> => {
      for (let from = performance.now(); from < end; from = performance.now()) {
        await work();
        latencies.push(performance.now() - from);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    const seconds = (performance.now() - start) / 1000;
    latencies.sort((a, b) => a - b);
    return { count: latencies.length, seconds, p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0 };
  };

const disk = new DatabaseSync(join(scratch, 'disk.db'));
disk.exec(
  'pragma journal_mode = wal; pragma synchronous = full; create table row (id integer primary key, octets blob)',
);
const insert = disk.prepare('insert into row (octets) values (?)');
const octets = new Uint8Array(700);
const toBeSigned = new Uint8Array(600);
// PEM, because Node reads octets in twice the time.
const spki = createPublicKey(privateKey).export({ format: 'pem', type: 'spki' });
const signature = sign('sha256', toBeSigned, privateKey);
const [verifyAside, signAside] = [promisify(verify), promisify(sign)];
/** What no certificate can do without: reading the key of the request, verifying its signature, signing. */
const bare = async (): Promise<void> => {
  await verifyAside('sha256', toBeSigned, createPublicKey(spki), signature);
  await signAside('sha256', toBeSigned, privateKey);
};
const byPkijs = await pkijsIssuer();

const onSqlite = await openCa('sqlite', { path: join(scratch, 'sqlite.db') });
const postgres = await startPostgres();
const onPostgres = postgres && (await openCa('postgres', { url: postgres.url }));

/** A service in a process of its own, and what it takes to ask it for certificates. */
interface Asked {
  readonly service: ToldSubject;
  readonly pem: NonNullable<PostRound['pem']>;
}

/** Starts a service with a CA of its own, in the store that `more` says, and issues a certificate to who will call it. */
async function startAsked(more: Readonly<Record<string, string>> = {}): Promise<Asked> {
  const folder = await materialFolder(more);
  const { pki, store } = configurationIn(folder, '0', more);
  const own = await openCertificationAuthority({ settings: pki, store: await openStore(store) });
  const admin = await own.ca.issue({
    request: requestFor(privateKey, 'admin-client'),
    profile: 'client',
    service: 'admin-client',
    requester,
  });
  await own.store.close();
  const service = await startSubject('veritas', 'veritas', folder, '0', JSON.stringify(more));
  const pem = {
    ca: readFileSync(join(folder, 'certs/ca_bundle.pem'), 'utf8'),
    cert: admin.chainPem,
    key: String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
  };
  return { service, pem };
}

/** The settings of a service on PostgreSQL. */
async function onAnother({ another }: PostgresServer): Promise<Readonly<Record<string, string>>> {
  const file = join(scratch, 'store-url');
  writeFileSync(file, await another('service'), { mode: 0o600 });
  return { VERITAS_STORE_URL_FILE: file };
}

const asked = await startAsked();
const askedOnPostgres = postgres && (await startAsked(await onAnother(postgres)));
const cfssl = await startCfssl(scratch);
const client = fork(join(import.meta.dirname, 'support/http-load.js'), {
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
});

const overHttp =
  (round: Omit<PostRound, 'milliseconds'>, cpuSeconds: () => Promise<number> | number) =>
  async (): Promise<Outcome> => {
    const before = await cpuSeconds();
    client.send({ ...round, milliseconds: ROUND_MS });
    const [outcome] = (await once(client, 'message')) as [PostOutcome];
    return { ...outcome, cpuSeconds: (await cpuSeconds()) - before };
  };
const toService = ({ service, pem }: Asked, atOnce: number): (() => Promise<Outcome>) =>
  overHttp(
    {
      port: service.port,
      path: '/api/v1/certificates',
      headers: { 'content-type': 'application/pkcs10' },
      body: Buffer.from(csr).toString('base64'),
      pem,
      atOnce,
    },
    async () => (await service.usage()).cpu / 1e6,
  );
const csrPem = `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(csr)
  .toString('base64')
  .replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE REQUEST-----\n`;
const toCfssl = (running: NonNullable<typeof cfssl>): (() => Promise<Outcome>) =>
  overHttp(
    {
      port: running.port,
      path: '/api/v1/cfssl/sign',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ certificate_request: csrPem, hosts: ['orders'] })).toString('base64'),
      atOnce: AT_ONCE,
    },
    running.cpuSeconds,
  );

const SIGNATURES = 'P-256 signatures';
const COMMITS = 'durable commits of this disk';
const BARE = `node:crypto alone: read key, verify, sign, ${AT_ONCE} at once`;
const PKIJS = 'pkijs, build and sign';
const CFSSL = `CFSSL ${cfssl?.version ?? ''}, ${AT_ONCE} at once`;
const issue =
  ({ ca }: CertificationAuthority) =>
  () =>
    ca.issue({ request: csr, requester });
const cases: Record<string, () => Promise<Outcome>> = {
  [SIGNATURES]: inProcess(() => sign('sha256', toBeSigned, privateKey)),
  [COMMITS]: inProcess(() => insert.run(octets)),
  [BARE]: inProcess(bare, AT_ONCE),
  [PKIJS]: inProcess(() => byPkijs(csr)),
  ...(cfssl ? { [CFSSL]: toCfssl(cfssl) } : {}),
  [`without the store, ${AT_ONCE} at once`]: inProcess(() => withoutStore(onSqlite), AT_ONCE),
  'SQLite, one at a time': inProcess(issue(onSqlite)),
  [`SQLite, ${AT_ONCE} at once`]: inProcess(issue(onSqlite), AT_ONCE),
  ...(onPostgres
    ? {
        'PostgreSQL, one at a time': inProcess(issue(onPostgres)),
        [`PostgreSQL, ${AT_ONCE} at once`]: inProcess(issue(onPostgres), AT_ONCE),
      }
    : {}),
  'SQLite over HTTPS, one at a time': toService(asked, 1),
  [`SQLite over HTTPS, ${AT_ONCE} at once`]: toService(asked, AT_ONCE),
  ...(askedOnPostgres
    ? {
        'PostgreSQL over HTTPS, one at a time': toService(askedOnPostgres, 1),
        [`PostgreSQL over HTTPS, ${AT_ONCE} at once`]: toService(askedOnPostgres, AT_ONCE),
      }
    : {}),
};

say(`issue: certificates, profile service, P-256; medians of ${ROUNDS} rounds of ${ROUND_MS} ms each`);
say(postgres ? `with ${postgres.version}` : 'PostgreSQL is not installed: its cases are left out');
if (!cfssl) say('CFSSL is not installed: its case is left out');
const perSecond: Record<string, number[]> = {};
const perCpuSecond: Record<string, number[]> = {};
const p99: Record<string, number[]> = {};
for (const measure of Object.values(cases))
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end;) await measure();
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, measure] of Object.entries(cases)) {
    const outcome = await measure();
    (perSecond[name] ??= []).push(outcome.count / outcome.seconds);
    (p99[name] ??= []).push(outcome.p99);
    if (outcome.cpuSeconds !== undefined && outcome.count > AT_ONCE)
      (perCpuSecond[name] ??= []).push(outcome.count / outcome.cpuSeconds);
  }
}
const bounds = [SIGNATURES, COMMITS, BARE, PKIJS];
const ours = Object.keys(cases).filter((name) => !bounds.includes(name) && name !== CFSSL);
const against = (more: readonly string[]) => Object.fromEntries(ours.map((name) => [name, more]));
reportRounds('issue', 'per second', '1/s', perSecond, against(bounds));
reportRounds('issue', 'per CPU second of the server', '1/s', perCpuSecond, against([CFSSL]));
reportRounds('issue', 'p99', 'ms', Object.fromEntries(ours.map((name) => [name, p99[name] ?? []])), {});
client.kill();
cfssl?.stop();
await Promise.all([asked.service.stop(), askedOnPostgres?.service.stop()]);
await Promise.all([onSqlite.store.close(), onPostgres?.store.close()]);
postgres?.stop();
disk.close();
