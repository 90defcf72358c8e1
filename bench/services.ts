// What the registry costs on the path of a request: the same service with its eight configured services, and with ten thousand services and a thousand patterns,
// in short rounds that alternate; and how long a start and a change take.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRegistry, allowedWith, type Registry } from '../src/registry/index.js';
import { openStore } from '../src/store/index.js';
import { PATH } from './support/bare.js';
import { startLoadMaker } from './support/load-maker.js';
import { materialFolder } from './support/material.js';
import { fillServices } from './support/service-rows.js';
import { reportRounds } from './support/report.js';
import { alternate } from './support/rounds.js';
import { startSubject } from './support/subject.js';

const ROUND = { kind: 'requests', path: PATH, milliseconds: 250, connections: 16 } as const;
const SERVICES = 10_000;
const PATTERNS = 1_000;
const LOOKUPS = 200_000;

const few = await materialFolder();
const many = mkdtempSync(join(tmpdir(), 'veritas-bench-services-'));
process.on('exit', () => {
  rmSync(many, { recursive: true, force: true });
});
cpSync(few, many, { recursive: true });
fillServices(join(many, 'var/veritas.db'), { services: SERVICES, patterns: PATTERNS });

const start = () =>
  Promise.all([
    startSubject(`${SERVICES} services, ${PATTERNS} patterns`, 'veritas', many),
    startSubject('8 services', 'veritas', few),
    startSubject('bare Fastify', 'fastify', few),
  ]);
const load = startLoadMaker(few);
await alternate('services', 'requests', { start, load, round: ROUND });
load.stop();
await measureRegistry();

/** In this process: reading all of it, one change until it holds, and answers for identities that are new and that are known. */
async function measureRegistry(): Promise<void> {
  const took: Record<string, number[]> = {};
  const change: Record<string, number[]> = {};
  const answers: Record<string, number[]> = {};
  for (let round = 0; round < 9; round++)
    for (const [name, folder] of [
      ['8 services', few],
      [`${SERVICES} services, ${PATTERNS} patterns`, many],
    ] as const) {
      const store = await openStore({ path: join(folder, 'var/veritas.db') });
      const registry = await timed(took, name, () =>
        openRegistry({ store, configured: [{ name: 'a', roles: [] }], roles: [] }),
      );
      const requester = { actor: 'bench', requestId: 'bench' };
      const terms = { ...allowedWith([]), note: String(performance.now()) };
      await timed(change, name, () => registry.changes.put({ name: 'billing', terms, requester }));
      for (const isKnown of [true, false])
        (answers[`${name}, identity ${isKnown ? 'known' : 'new'}`] ??= []).push(answered(registry, isKnown));
      await store.close();
    }
  const base = { [`${SERVICES} services, ${PATTERNS} patterns`]: ['8 services'] };
  reportRounds('services', 'read at a start', 'ms', took, base);
  reportRounds('services', 'a change, durable and in force', 'ms', change, base);
  reportRounds('services', 'an answer', 'ns', answers, {
    [`${SERVICES} services, ${PATTERNS} patterns, identity known`]: ['8 services, identity known'],
    [`${SERVICES} services, ${PATTERNS} patterns, identity new`]: ['8 services, identity new'],
  });
}

async function timed<T>(into: Record<string, number[]>, name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  (into[name] ??= []).push(performance.now() - start);
  return result;
}

/** Nanoseconds of an answer to a service that only the longest pattern is for, or none. */
function answered({ services }: Registry, isKnown: boolean): number {
  const subject = {
    service: 'service-10999-of-a-team',
    spiffeId: 'spiffe://example.org/ns/11000/a/b/c',
    spkiSha256: () => '',
  };
  const identities = Array.from({ length: isKnown ? 1 : LOOKUPS }, () => ({}));
  const start = performance.now();
  for (let i = 0; i < LOOKUPS; i++)
    services.answer(
      identities[isKnown ? 0 : i] as object,
      () => subject,
      () => 1,
    );
  return ((performance.now() - start) * 1e6) / LOOKUPS;
}
