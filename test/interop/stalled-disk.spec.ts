import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { callerOf, csrOf, newKey, send, type Caller } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { startIn } from '../support/service.js';

/*
 * A disk that answers nothing for seconds: a file system of its own for the store, frozen by the kernel. Needs a
 * superuser who may mount.
 */
const FROZEN_MS = 4_000;

let folder: string;
let mount: string;
let service: Awaited<ReturnType<typeof startIn>>;
let admin: Caller;
let worker: Caller;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'veritas-stalled-'));
  mount = join(folder, 'disk');
  mkdirSync(mount);
  const image = join(folder, 'disk.img');
  execFileSync('truncate', ['-s', '64M', image]);
  execFileSync('mkfs.ext4', ['-q', image]);
  execFileSync('mount', ['-o', 'loop', image, mount]);
  service = await startIn(folder, { VERITAS_STORE_PATH: join(mount, 'var/veritas.db') });
  admin = await callerOf(service, 'admin-client');
  worker = await callerOf(service, 'veritas-worker');
});
afterAll(async () => {
  await service.close();
  execFileSync('umount', [mount]);
  rmSync(folder, { recursive: true });
});

const issue = () =>
  send(service.ports.https, {
    method: 'POST',
    path: '/api/v1/certificates',
    tls: admin.tls,
    body: { csr: csrOf(newKey(), 'test-client') },
  });

test('a disk that stalls delays issuing, and no request that only needs the guard', async () => {
  expect((await issue()).status).toBe(201);
  // In a process of its own: should this one stand still, the disk comes back all the same.
  const thaw = spawn('sh', ['-c', `fsfreeze -f "$1" && sleep ${FROZEN_MS / 1000}; fsfreeze -u "$1"`, 'sh', mount]);
  const thawed = new Promise<number>((resolve) => thaw.once('exit', () => resolve(performance.now())));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const frozenAt = performance.now();
  const issued = issue().then(({ status }) => ({ status, at: performance.now() }));
  const answered: number[] = [];
  const until = frozenAt + FROZEN_MS / 2;
  while (performance.now() < until) {
    expect((await get(service.ports.https, '/api/v1/test', worker.tls)).status).toBe(200);
    answered.push(performance.now());
  }
  const [{ status, at }, end] = [await issued, await thawed];
  // What needed the disk waited for it, and then went well; all the others were answered before.
  expect(status).toBe(201);
  expect(at).toBeGreaterThan(end - 100);
  expect(answered.length).toBeGreaterThan(20);
  expect(answered.at(-1)).toBeLessThan(end);
});
