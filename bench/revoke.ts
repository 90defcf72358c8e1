// Whether revoking stays what it is: one certificate with five hundred revoked in the store and with five hundred thousand, SQLite, side by side.
import { cpSync, fsyncSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCertificationAuthority } from '../src/pki/certification-authority.js';
import { openStore } from '../src/store/index.js';
import { fillStore } from '../test/support/revoked-store.js';
import { benchSettings } from './support/configuration.js';
import { materialFolder } from './support/material.js';
import { ratioOf, reportRounds, say } from './support/report.js';

const SIZES = [500, 500_000] as const;
const ROUNDS = 8;
const CALLS = 300;

const template = await materialFolder();
const subjects = await Promise.all(
  SIZES.map(async (size) => {
    const folder = mkdtempSync(join(tmpdir(), 'veritas-bench-revoke-'));
    cpSync(template, folder, { recursive: true });
    const path = join(folder, 'var/veritas.db');
    const { active } = fillStore(path, { revoked: size, active: (ROUNDS + 1) * CALLS });
    // What filling left to the disk is not what is measured.
    fsyncSync(openSync(path, 'r'));
    const store = await openStore({ path });
    const { ca } = await openCertificationAuthority({ settings: benchSettings(folder), store });
    return { name: `${size.toLocaleString('en').replaceAll(',', ' ')} revoked`, folder, store, ca, active };
  }),
);
say(`revoke: one certificate, durable and known to the guard; medians of ${ROUNDS} rounds of ${CALLS}`);
const p50: Record<string, number[]> = {};
const p99: Record<string, number[]> = {};
const longest: Record<string, number[]> = {};
for (let round = 0; round <= ROUNDS; round++) {
  for (const { name, ca, active } of round % 2 ? subjects : subjects.toReversed()) {
    const times: number[] = [];
    for (const serialNumber of active.splice(0, CALLS)) {
      const from = performance.now();
      await ca.revoke({ serialNumber, reason: 'superseded', requester: { actor: 'bench', requestId: 'bench' } });
      times.push(performance.now() - from);
    }
    // The first round warms up.
    if (round === 0) continue;
    times.sort((a, b) => a - b);
    (p50[name] ??= []).push(times[CALLS >> 1] ?? 0);
    (p99[name] ??= []).push(times[Math.floor(CALLS * 0.99)] ?? 0);
    (longest[name] ??= []).push(times.at(-1) ?? 0);
  }
}
const [few = '', many = ''] = subjects.map(({ name }) => name);
reportRounds('revoke', 'p50', 'ms', p50, { [many]: [few] });
reportRounds('revoke', 'p99', 'ms', p99, { [many]: [few] });
reportRounds('revoke', 'longest of a round', 'ms', longest, { [many]: [few] });
say(`the p99 is ${ratioOf(p99[many] ?? [], p99[few] ?? []).toFixed(2)} of that with ${few}; the aim is 1`);
for (const { store, folder } of subjects) {
  await store.close();
  rmSync(folder, { recursive: true });
}
