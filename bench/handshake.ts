// What a connection costs: handshakes with a client certificate and one request each, full and resumed, beside bare node:https.
import { startLoadMaker } from './support/load-maker.js';
import { materialFolder, PATH } from './support/material.js';
import { reportRounds, say } from './support/report.js';
import { startSubject } from './support/subject.js';

const ROUNDS = 9;

const folder = await materialFolder();
const subjects = await Promise.all([
  startSubject('veritas', 'veritas', folder),
  startSubject('bare node:https', 'https', folder),
]);
const load = startLoadMaker(folder);
for (const kind of ['full', 'resumed'] as const) {
  const round = { kind, path: PATH, milliseconds: 1500, connections: 8 };
  say(
    `handshake: ${kind}, TLS 1.3 with a client certificate and one request, medians of ${ROUNDS} rounds of ${round.milliseconds} ms each`,
  );
  for (const subject of subjects) await load.measure(subject, round);
  const perSecond: Record<string, number[]> = {};
  const perCpuSecond: Record<string, number[]> = {};
  const p99: Record<string, number[]> = {};
  for (let i = 0; i < ROUNDS; i++) {
    for (const subject of i % 2 ? subjects.toReversed() : subjects) {
      const measured = await load.measure(subject, round);
      (perSecond[subject.name] ??= []).push(measured.perSecond);
      (perCpuSecond[subject.name] ??= []).push(measured.perCpuSecond);
      (p99[subject.name] ??= []).push(measured.p99);
    }
  }
  const baselines = { veritas: ['bare node:https'] };
  reportRounds('handshake', `${kind} handshakes per second`, '1/s', perSecond, baselines);
  reportRounds('handshake', `${kind} handshakes per CPU second`, '1/s', perCpuSecond, baselines);
  reportRounds('handshake', `${kind}, p99`, 'ms', p99, {});
}
load.stop();
await Promise.all(subjects.map((subject) => subject.stop()));
