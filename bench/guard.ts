// What the guard costs: this service's GET /api/v1/test beside the same answer from bare servers, all on TLS 1.3 asking for a client
// certificate, in short rounds that alternate.
import { startLoadMaker } from './support/load-maker.js';
import { PATH } from './support/bare.js';
import { materialFolder } from './support/material.js';
import { say } from './support/report.js';
import { alternate } from './support/rounds.js';
import { startSubject } from './support/subject.js';

const ROUNDS = 60;
const ROUND = { kind: 'requests', path: PATH, milliseconds: 250, connections: 16 } as const;

// Of which nobody comes to the end: what is measured is the counting, and two more fields in each answer.
const RATES = { VERITAS_MTLS_RATES: '[{"service":"*","perSecond":1000000,"burst":1000000}]' };

const folder = await materialFolder();
const subjects = await Promise.all([
  startSubject('veritas', 'veritas', folder),
  startSubject('veritas with rates', 'veritas', folder, '0', JSON.stringify(RATES)),
  startSubject('bare NestJS', 'nest', folder),
  startSubject('bare Fastify', 'fastify', folder),
  startSubject('bare node:https', 'https', folder),
]);
const load = startLoadMaker(folder);
say(
  `guard: GET ${PATH}, ${ROUND.connections} connections, medians of ${ROUNDS} rounds of ${ROUND.milliseconds} ms each, lowest and highest`,
);
await alternate('guard', 'requests', ROUNDS, subjects, (subject) => load.measure(subject, ROUND));
load.stop();
await Promise.all(subjects.map((subject) => subject.stop()));
