// What a connection costs: handshakes with a client certificate and one request each, full and resumed, beside bare node:https.
import { startLoadMaker } from './support/load-maker.js';
import { PATH } from './support/bare.js';
import { materialFolder } from './support/material.js';
import { say } from './support/report.js';
import { alternate } from './support/rounds.js';
import { startSubject } from './support/subject.js';

const ROUNDS = 40;
// As in a service that has been up for a while: what runs for the first thousand requests is V8's interpreter.
const WARM_UP_MS = 5_000;

const folder = await materialFolder();
const subjects = await Promise.all([
  startSubject('veritas', 'veritas', folder),
  startSubject('bare node:https', 'https', folder),
]);
const load = startLoadMaker(folder);
for (const subject of subjects)
  for (const kind of ['requests', 'full', 'resumed'] as const)
    await load.measure(subject, { kind, path: PATH, milliseconds: WARM_UP_MS, connections: 8 });
for (const kind of ['full', 'resumed'] as const) {
  const round = { kind, path: PATH, milliseconds: 300, connections: 8 };
  say(
    `handshake: ${kind}, TLS 1.3 with a client certificate and one request, medians of ${ROUNDS} rounds of ${round.milliseconds} ms each`,
  );
  await alternate('handshake', `${kind} handshakes`, ROUNDS, subjects, (subject) => load.measure(subject, round));
}
load.stop();
await Promise.all(subjects.map((subject) => subject.stop()));
