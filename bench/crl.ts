// CRLs of a thousand to a million entries: from the store to the published file, then read, verified, indexed and looked up; each size in a process of its own, OpenSSL and Go
// beside it in the same run.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goCrl } from './support/go-crl.js';
import { materialFolder } from './support/material.js';
import { isHere, opensslRead, opensslWrite, prepareOpenssl } from './support/openssl-crl.js';
import { ratioOf, reportRounds, say } from './support/report.js';
import type { Taken } from './support/timed.js';
import { fillStore } from '../test/support/revoked-store.js';

const SIZES = [1_000, 100_000, 1_000_000] as const;
const ROUNDS = 3;
const MEBIBYTE = 1024 * 1024;

interface Written {
  readonly seconds: number;
  readonly longestBlock: number;
  readonly octets: number;
  readonly peak: number;
  readonly atRest: number;
}
interface Read extends Omit<Written, 'octets'> {
  readonly octetsAnEntry: number;
  readonly hit: number;
  readonly miss: number;
}

async function inProcess<T>(mode: 'write' | 'read', folder: string): Promise<T> {
  const child = fork(join(import.meta.dirname, '../crl.js'), [mode, folder], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--expose-gc'],
  });
  const [result] = (await once(child, 'message')) as [T];
  await once(child, 'exit');
  return result;
}

const template = await materialFolder();
const openssl = isHere();
if (!openssl) say('crl: openssl or /usr/bin/time is not here, so there is nothing beside');
const programs = mkdtempSync(join(tmpdir(), 'veritas-bench-crl-go-'));
const go = openssl ? goCrl(programs) : undefined;
if (openssl) say(go ? `crl: beside ${go.version}` : 'crl: Go is not installed, so it is not beside');
const spaced = (size: number): string => size.toLocaleString('en').replaceAll(',', ' ');
const measures: Record<string, Record<string, number[]>> = {};
const take = (measure: string, name: string, value: number): void => {
  ((measures[measure] ??= {})[name] ??= []).push(value);
};
const took = (measure: string, name: string, { seconds, mebibytes }: Taken): void => {
  take(`${measure}, s`, name, seconds);
  take(`${measure}, peak memory, MiB`, name, mebibytes);
};

for (const size of SIZES) {
  const folder = mkdtempSync(join(tmpdir(), 'veritas-bench-crl-'));
  cpSync(template, folder, { recursive: true });
  const { revoked } = fillStore(join(folder, 'var/veritas.db'), { revoked: size });
  const beside = join(folder, 'openssl');
  mkdirSync(beside);
  if (openssl) prepareOpenssl(beside, revoked);
  const [ours, theirs, gos] = [`veritas, ${spaced(size)}`, `openssl, ${spaced(size)}`, `go, ${spaced(size)}`];
  for (let round = 0; round < ROUNDS; round++) {
    const written = await inProcess<Written>('write', folder);
    took('write', ours, { seconds: written.seconds, mebibytes: written.peak });
    take('write, memory above rest, MiB', ours, written.peak - written.atRest);
    take('write, longest block, ms', ours, written.longestBlock);
    if (round === 0) say(`crl: ${spaced(size)} entries are ${(written.octets / MEBIBYTE).toFixed(1)} MiB`);
    if (openssl) took('write', theirs, opensslWrite(beside));
    if (go) took('write', gos, go.write(beside));
    const read = await inProcess<Read>('read', folder);
    took('read', ours, { seconds: read.seconds, mebibytes: read.peak });
    take('read, longest block, ms', ours, read.longestBlock);
    take('index, octets an entry', ours, read.octetsAnEntry);
    take('look up, hit, us', ours, read.hit);
    take('look up, miss, us', ours, read.miss);
    const [list, issuer] = [join(folder, 'var/crl/issuing.crl'), join(folder, 'certs/issuing_ca.pem')];
    if (openssl) took('read', theirs, opensslRead(beside, list, issuer));
    if (go) took('read', gos, go.read(beside, list, issuer));
  }
  rmSync(folder, { recursive: true });
}
rmSync(programs, { recursive: true, force: true });

for (const [name, rounds] of Object.entries(measures)) {
  const [measure, unit] = [name.slice(0, name.lastIndexOf(',')), name.slice(name.lastIndexOf(',') + 2)];
  const baselines = Object.fromEntries(
    SIZES.map((size) => [`veritas, ${spaced(size)}`, [`openssl, ${spaced(size)}`, `go, ${spaced(size)}`]]),
  );
  reportRounds('crl', measure, unit, rounds, baselines);
}
const most = spaced(SIZES.at(-1) ?? 0);
const of = (measure: string, name: string): number[] => measures[measure]?.[`${name}, ${most}`] ?? [];
const ratio = (measure: string): number => ratioOf(of(measure, 'veritas'), of(measure, 'openssl'));
if (openssl) {
  say(`at ${most}: written ${(1 / ratio('write, s')).toFixed(1)} times as fast as openssl; the aim is at least 20`);
  say(`at ${most}: written with ${ratio('write, peak memory, MiB').toFixed(2)} of its memory; the aim is at most 0.20`);
  say(
    `at ${most}: the list itself took ${ratioOf(of('write, memory above rest, MiB', 'veritas'), of('write, peak memory, MiB', 'openssl')).toFixed(2)} of that memory; the rest is the process; a service also knows who is revoked, in some 40 octets each`,
  );
  say(`at ${most}: read and indexed ${(1 / ratio('read, s')).toFixed(1)} times as fast; the aim is at least 5`);
}
const worst = (measure: string): number => Math.max(...of(measure, 'veritas'));
say(`at ${most}: ${worst('index, octets an entry').toFixed(1)} octets an entry; the aim is at most 10`);
say(
  `at ${most}: a look-up ${Math.max(worst('look up, hit, us'), worst('look up, miss, us')).toFixed(2)} us; the aim is under 0.3`,
);
const blocks = ['write, longest block, ms', 'read, longest block, ms'].flatMap((measure) =>
  SIZES.flatMap((size) => measures[measure]?.[`veritas, ${spaced(size)}`] ?? []),
);
say(`the longest block is ${Math.max(...blocks).toFixed(1)} ms; the aim is at most 20`);
