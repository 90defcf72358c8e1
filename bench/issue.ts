// How many certificates a second, from the request's octets to the row that is durable, beside what bounds it: signatures, and commits of this disk.
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AcceptedRequest } from '../src/pki/issuance/accepted-request.js';
import { readRequest } from '../src/pki/issuance/certification-request.js';
import { IssuanceToken } from '../src/pki/issuance/issuance-token.js';
import { newSerialNumber } from '../src/pki/issuance/serial-number.js';
import { CaService, requestFor } from '../src/pki/index.js';
import { startService } from '../src/service.js';
import { configurationIn, materialFolder } from './support/material.js';
import { pkijsIssuer } from './support/pkijs-issuer.js';
import { reportRounds, say } from './support/report.js';

const ROUNDS = 12;
const ROUND_MS = 400;
const AT_ONCE = 32;

const folder = await materialFolder();
const service = await startService(configurationIn(folder));
const ca = service.application.get(CaService, { strict: false });
const { organization, backdate, publicationUrl } = service.configuration.pki;
const requester = { actor: 'bench', requestId: 'bench' };
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const csr = requestFor(privateKey, 'orders').der;

const scratch = mkdtempSync(join(tmpdir(), 'veritas-bench-disk-'));
const disk = new DatabaseSync(join(scratch, 'disk.db'));
disk.exec(
  'pragma journal_mode = wal; pragma synchronous = full; create table row (id integer primary key, octets blob)',
);
const insert = disk.prepare('insert into row (octets) values (?)');
const octets = new Uint8Array(700);

const admin = await ca.issue({
  request: requestFor(privateKey, 'admin-client'),
  profile: 'client',
  service: 'admin-client',
  requester,
});
const agent = new Agent({
  keepAlive: true,
  maxSockets: AT_ONCE,
  ca: readFileSync(join(folder, 'certs/ca_bundle.pem')),
  cert: admin.chainPem,
  key: privateKey.export({ format: 'pem', type: 'pkcs8' }),
});

function overHttps(): Promise<void> {
  return new Promise((resolve, reject) => {
    httpsRequest(
      {
        agent,
        port: service.ports.https,
        servername: 'localhost',
        method: 'POST',
        path: '/api/v1/certificates',
        headers: { 'content-type': 'application/pkcs10', 'content-length': csr.length },
      },
      (response) => {
        response.resume().on('end', () => {
          if (response.statusCode === 201) resolve();
          else reject(new Error(`status ${response.statusCode}`));
        });
      },
    )
      .on('error', reject)
      .end(csr);
  });
}

/** Without a store: read, accept, lint, sign. */
async function inProcess(): Promise<void> {
  const { issuer } = ca.issuing;
  const accepted = AcceptedRequest.accept(await readRequest(csr), {
    profile: ca.profiles.named('service'),
    organization,
    requester,
  });
  await issuer.issue(
    new IssuanceToken(accepted, issuer.identity, {
      serialNumber: newSerialNumber(),
      algorithm: issuer.algorithm,
      now: new Date(),
      backdate,
      publicationUrl,
    }),
  );
}

const byPkijs = await pkijsIssuer();
const toBeSigned = new Uint8Array(600);
const cases: readonly (readonly [name: string, work: () => unknown, atOnce: number])[] = [
  ['P-256 signatures', () => sign('sha256', toBeSigned, privateKey), 1],
  ['durable commits of this disk', () => insert.run(octets), 1],
  ['pkijs, build and sign', () => byPkijs(csr), 1],
  ['without the store', inProcess, AT_ONCE],
  ['one at a time', () => ca.issue({ request: csr, requester }), 1],
  [`${AT_ONCE} at once`, () => ca.issue({ request: csr, requester }), AT_ONCE],
  ['over HTTPS, one at a time', overHttps, 1],
  [`over HTTPS, ${AT_ONCE} at once`, overHttps, AT_ONCE],
];

const perSecond: Record<string, number[]> = {};
const p99: Record<string, number[]> = {};
say(`issue: certificates, profile service, P-256; medians of ${ROUNDS} rounds of ${ROUND_MS} ms each`);
for (let round = -1; round < ROUNDS; round++) {
  for (const [name, work, atOnce] of cases) {
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
    // The first round warms up.
    if (round < 0) continue;
    latencies.sort((a, b) => a - b);
    (perSecond[name] ??= []).push(latencies.length / seconds);
    (p99[name] ??= []).push(latencies[Math.floor(latencies.length * 0.99)] ?? 0);
  }
}
const bounds = ['P-256 signatures', 'durable commits of this disk', 'pkijs, build and sign'];
const ours = cases.map(([name]) => name).filter((name) => !bounds.includes(name));
reportRounds('issue', 'per second', '1/s', perSecond, Object.fromEntries(ours.map((name) => [name, bounds])));
reportRounds('issue', 'p99', 'ms', Object.fromEntries(ours.map((name) => [name, p99[name] ?? []])), {});
agent.destroy();
await service.close();
disk.close();
rmSync(scratch, { recursive: true });
