// What the guard costs: this service's GET /api/v1/test, and the same in an application of nothing but the guard, beside the same answer from bare servers, all on
// TLS 1.3 asking for a client certificate, in short rounds that alternate. With everything: ten thousand services and a thousand patterns in the registry, rates, SPIFFE IDs, a million
// revoked certificates of its own CA and a list of a million of another.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillStore } from '../test/support/revoked-store.js';
import { startLoadMaker } from './support/load-maker.js';
import { PATH } from './support/bare.js';
import { materialFolder } from './support/material.js';
import { alternate } from './support/rounds.js';
import { fillServices } from './support/service-rows.js';
import { signList } from './support/signed-list.js';
import { startSubject } from './support/subject.js';

const ENTRIES = 1_000_000;
const ROUND = { kind: 'requests', path: PATH, milliseconds: 250, connections: 16 } as const;

// Of which nobody comes to the end: what is measured is the counting, and two more fields in each answer.
const RATES = { VERITAS_MTLS_RATES: '[{"service":"*","perSecond":1000000,"burst":1000000}]' };

const folder = await materialFolder();
/** The same CA and certificates, in a store with more in it. */
const copy = (name: string): string => {
  const made = mkdtempSync(join(tmpdir(), `veritas-bench-${name}-`));
  process.on('exit', () => {
    rmSync(made, { recursive: true, force: true });
  });
  cpSync(folder, made, { recursive: true });
  fillStore(join(made, 'var/veritas.db'), { revoked: ENTRIES });
  return made;
};
const [full, foreign] = [copy('full'), copy('foreign')];
fillServices(join(full, 'var/veritas.db'), { services: 10_000, patterns: 1_000 });
const crls = [{ source: await signList(foreign), issuer: join(foreign, 'certs/issuing_ca.pem') }];
const everything = { ...RATES, VERITAS_MTLS_CRLS: JSON.stringify(crls), VERITAS_MTLS_SERVICE_FROM: 'cn,spiffe' };

const start = () =>
  Promise.all([
    startSubject('veritas with everything', 'veritas', full, '0', JSON.stringify(everything)),
    startSubject('veritas with rates', 'veritas', folder, '0', JSON.stringify(RATES)),
    startSubject('veritas', 'veritas', folder),
    startSubject('MtlsModule in bare NestJS', 'guarded', folder),
    startSubject('bare NestJS', 'nest', folder),
    startSubject('bare Fastify', 'fastify', folder),
    startSubject('bare node:https', 'https', folder),
  ]);
const load = startLoadMaker(folder);
await alternate('guard', 'requests', { start, load, round: ROUND });
load.stop();
