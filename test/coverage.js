// `npm run coverage`: runs the specs, and prints which share of the lines they run through, by folder. Jest counts what its own threads run; what other
// threads do, such as those of lists, of SQLite and of tokens, is counted by V8 (NODE_V8_COVERAGE). `npm run coverage -- --lines` names the lines that are left.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The rooms whose lines are to be covered, and how many in a hundred. */
const ROOMS = ['der', 'x509', 'mtls', 'pki', 'tls'];
const AIM = 95;

const root = resolve(import.meta.dirname, '..');
const threads = mkdtempSync(join(tmpdir(), 'veritas-coverage-'));
process.on('exit', () => rmSync(threads, { recursive: true, force: true }));

const names = process.argv.slice(2).filter((each) => each !== '--lines');
const { status } = spawnSync(
  'npm',
  ['test', '--', '--coverage', '--coverageReporters=json', `--coverageDirectory=${threads}/jest`, ...names],
  { cwd: root, stdio: 'inherit', env: { ...process.env, NODE_V8_COVERAGE: join(threads, 'v8') } },
);

/** For each file, how often each of its lines was run. */
const lines = new Map();
for (const [path, { statementMap, s }] of Object.entries(json(join(threads, 'jest/coverage-final.json')))) {
  const counts = new Map();
  for (const [statement, { start }] of Object.entries(statementMap))
    counts.set(start.line, Math.max(counts.get(start.line) ?? 0, s[statement]));
  lines.set(path, counts);
}
for (const name of readdirSync(join(threads, 'v8')).filter((each) => !each.endsWith('-0.json')))
  for (const { url, functions } of json(join(threads, 'v8', name)).result) addThread(url, functions);

/** Adds what a thread ran of a file. Types are taken off the sources of a thread in place, so that its offsets are those of the file. */
function addThread(url, functions) {
  const path = [...lines.keys()].find((each) => pathToFileURL(each).href === url);
  if (path === undefined) return;
  const counts = lines.get(path);
  const ranges = functions.flatMap((each) => each.ranges);
  let offset = 0;
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    const at = offset + line.search(/\S|$/);
    offset += line.length + 1;
    if (!counts.has(index + 1)) continue;
    // Ranges lie within one another: the smallest says how often.
    const [inner] = ranges
      .filter(({ startOffset, endOffset }) => startOffset <= at && at < endOffset)
      .sort((one, other) => one.endOffset - one.startOffset - (other.endOffset - other.startOffset));
    if (inner) counts.set(index + 1, Math.max(counts.get(index + 1), inner.count));
  }
}

function json(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function covered(paths) {
  const counts = paths.flatMap((path) => [...lines.get(path).values()]);
  return { all: counts.length, run: counts.filter((count) => count > 0).length };
}

function say(name, { all, run }, note = '') {
  const share = all === 0 ? 100 : (100 * run) / all;
  process.stdout.write(`${name.padEnd(28)} ${String(all).padStart(6)} ${share.toFixed(1).padStart(6)} %${note}\n`);
  return share;
}

const inSrc = new Map([...lines.keys()].map((path) => [path, relative(join(root, 'src'), path)]));
const folders = Map.groupBy([...lines.keys()], (path) => dirname(inSrc.get(path)));
process.stdout.write(`\n${'folder of src'.padEnd(28)}  lines    run\n`);
for (const folder of [...folders.keys()].sort()) {
  say(folder, covered(folders.get(folder)));
  if (!process.argv.includes('--lines')) continue;
  for (const path of folders.get(folder)) {
    const left = [...lines.get(path)].filter(([, count]) => count === 0).map(([line]) => line);
    if (left.length > 0) process.stdout.write(`  ${inSrc.get(path)}: ${left.join(' ')}\n`);
  }
}
process.stdout.write('\n');
for (const room of ROOMS)
  say(room, covered([...lines.keys()].filter((path) => inSrc.get(path).startsWith(`${room}/`))), `  (aim: ${AIM} %)`);
process.exitCode = status ?? 1;
