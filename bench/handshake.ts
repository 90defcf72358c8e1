// What a connection costs: handshakes with a client certificate and one request each, full and resumed, beside bare NestJS, whose part is in it too, and bare
// node:https.
import { startLoadMaker } from './support/load-maker.js';
import { PATH } from './support/bare.js';
import { materialFolder } from './support/material.js';
import { alternate } from './support/rounds.js';
import { startSubject } from './support/subject.js';

const folder = await materialFolder();
const start = () =>
  Promise.all([
    startSubject('veritas', 'veritas', folder),
    startSubject('bare NestJS', 'nest', folder),
    startSubject('bare node:https', 'https', folder),
  ]);
const load = startLoadMaker(folder);
for (const kind of ['full', 'resumed'] as const) {
  const round = { kind, path: PATH, milliseconds: 300, connections: 8 };
  await alternate('handshake', `${kind} handshakes`, { start, load, round });
}
load.stop();
