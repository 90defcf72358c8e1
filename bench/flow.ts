// Whether requests keep flowing while a list of a million entries is written and another CA's of a million is read, again and again: the protected route's
// latency at rest and meanwhile, in rounds that alternate; and while there is only one of the two, which says where it comes from. The load maker, a process of
// its own, presents a client certificate and asks two thousand times a second, which is what the service is made for, and then as fast as it can. It has a core for
// itself, and the service with all its threads another one: what is written and read gets what requests leave.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillStore } from '../test/support/revoked-store.js';
import { PATH } from './support/bare.js';
import { startLoadMaker } from './support/load-maker.js';
import { materialFolder } from './support/material.js';
import { ratioOf, reportRounds, say } from './support/report.js';
import { signList } from './support/signed-list.js';
import { startSubject } from './support/subject.js';

const ENTRIES = 1_000_000;
const ROUNDS = 3;
const ROUND = { kind: 'requests', path: PATH, milliseconds: 4_000, connections: 8 } as const;
const LOADS = { '2 000 a second': { ...ROUND, perSecond: 2_000 }, 'as fast as it can': ROUND };

const template = await materialFolder();
const filled = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'veritas-bench-flow-'));
  process.on('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  cpSync(template, folder, { recursive: true });
  fillStore(join(folder, 'var/veritas.db'), { revoked: ENTRIES });
  return folder;
};

/** Another CA's list, which has nobody of ours on it. */
const foreign = filled();
const source = await signList(foreign);
const service = await startSubject('veritas', 'flow', filled(), source, join(foreign, 'certs/issuing_ca.pem'));
const load = startLoadMaker(template);
say(
  `flow: GET ${PATH}, ${ROUND.connections} connections, ${ROUNDS} rounds of ${ROUND.milliseconds} ms each at rest and at work, ${ENTRIES} entries a list; one core for the service, one for the load maker`,
);
const REST = 'at rest';
const BOTH = 'lists written and read';
/** What the service is told to do. */
const WORK = { [REST]: undefined, 'lists read': 'read', 'lists written': 'write', [BOTH]: 'both' } as const;
type Rounds = Record<string, number[]>;
const beside = Object.fromEntries(Object.keys(WORK).map((name) => [name, name === REST ? [] : [REST]]));
for (const [title, round] of Object.entries(LOADS)) await measure(title, round);

async function measure(title: string, round: (typeof LOADS)[keyof typeof LOADS]): Promise<void> {
  const [perSecond, p50, p99, worst]: [Rounds, Rounds, Rounds, Rounds] = [{}, {}, {}, {}];
  const lists: Record<string, { written: number; read: number }> = {};
  // The first round warms up.
  for (let turn = 0; turn <= ROUNDS; turn++)
    for (const [name, work] of Object.entries(WORK)) {
      if (work !== undefined) await service.ask(work);
      const measured = await load.measure(service, round);
      const { written, read } = await service.ask<(typeof lists)[string]>('rest');
      if (turn === 0) continue;
      const count = (lists[name] ??= { written: 0, read: 0 });
      count.written += written;
      count.read += read;
      (perSecond[name] ??= []).push(measured.perSecond);
      (p50[name] ??= []).push(measured.p50);
      (p99[name] ??= []).push(measured.p99);
      (worst[name] ??= []).push(measured.worst);
    }
  reportRounds('flow', `${title}: requests per second`, '1/s', perSecond, beside);
  reportRounds('flow', `${title}: p50`, 'ms', p50, beside);
  reportRounds('flow', `${title}: p99`, 'ms', p99, beside);
  reportRounds('flow', `${title}: longest`, 'ms', worst, beside);
  for (const [name, { written, read }] of Object.entries(lists))
    if (name !== REST) say(`${title}, ${name}: ${written} were written and ${read} read`);
  say(
    `${title}: the p99 is ${ratioOf(p99[BOTH] ?? [], p99[REST] ?? []).toFixed(2)} times that at rest; the aim is at most 2`,
  );
}

load.stop();
await service.stop();
