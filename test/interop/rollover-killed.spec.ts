import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { compileProgram } from '../support/compiled-program.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'veritas-killed-'));
  compileProgram(folder);
}, 60_000);
afterAll(() => {
  rmSync(folder, { recursive: true });
});

// None of the settings of whoever runs the tests.
const env = { PATH: process.env.PATH };
const program = (): string => join(folder, 'bin/veritas.js');

function veritas(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program(), ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' });
  return stdout;
}

/** Begins, and is killed after so many milliseconds. */
async function killedAfter(milliseconds: number, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [program(), ...args], { cwd: folder, env, stdio: 'ignore' });
  const ended = once(child, 'exit');
  await Promise.race([delay(milliseconds), ended]);
  child.kill('SIGKILL');
  await ended;
}

test('a step that is killed at any moment is finished by taking it again, and no other hand is needed', async () => {
  veritas('ca', 'init');
  const began = performance.now();
  veritas('ca', 'rollover', 'status');
  // What takes longest is starting; the step itself comes after it.
  const whole = performance.now() - began;
  for (const step of ['prepare', 'publish', 'activate', 'retire', 'remove']) {
    const args = ['ca', 'rollover', step, '--root'];
    await killedAfter(whole * (0.75 + Math.random() * 0.7), args);
    veritas(...args);
  }
  expect(JSON.parse(veritas('audit', 'verify', '--json'))).toMatchObject({ ok: true });
  const { issuers } = JSON.parse(veritas('ca', 'rollover', 'status', '--json')) as {
    issuers: { id: string; state: string }[];
  };
  expect(Object.fromEntries(issuers.map(({ id, state }) => [id, state]))).toEqual({
    root: 'removed',
    issuing: 'removed',
    'root-2': 'active',
    'issuing-2': 'active',
  });
  const rows = JSON.parse(veritas('list', '--json')) as { profile: string; status: string }[];
  expect(
    rows
      .filter(({ status }) => status === 'active')
      .map(({ profile }) => profile)
      .sort(),
  ).toEqual([
    ...['cross', 'cross', 'issuing', 'issuing'],
    // The activation makes those that were not there.
    ...Array.from({ length: 4 }, () => 'ocsp-responder'),
    ...['root', 'root'],
  ]);
  const left = readdirSync(join(folder, 'certs'), { recursive: true, encoding: 'utf8' });
  expect(left.filter((name) => name.endsWith('.key.pem'))).toHaveLength(8);
  veritas('issue', '--service', 'veritas-worker', '--cert', 'worker.pem', '--key', 'worker.key');
  veritas('verify', 'worker.pem', '--key', 'worker.key');
}, 120_000);
