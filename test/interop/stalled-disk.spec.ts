import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { callerOf, csrOf, newKey, send, type Caller } from '../support/certificate-client.js';
import { get } from '../support/client.js';
import { openStore, setPolicy } from '../../src/store/index.js';
import { getPlain, startIn } from '../support/service.js';

/*
 * A disk that answers nothing for seconds: a file system of its own for the store, and one for the lists, frozen by the kernel. Needs a
 * superuser who may mount.
 */
const FROZEN_MS = 4_000;

let folder: string;
let store: string;
let lists: string;
let service: Awaited<ReturnType<typeof startIn>>;
let admin: Caller;
let worker: Caller;

function mountDisk(mount: string, image: string): void {
  mkdirSync(mount, { recursive: true });
  execFileSync('truncate', ['-s', '64M', image]);
  execFileSync('mkfs.ext4', ['-q', image]);
  execFileSync('mount', ['-o', 'loop', image, mount]);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'veritas-stalled-'));
  store = join(folder, 'disk');
  lists = join(store, 'var/crl');
  mountDisk(store, join(folder, 'disk.img'));
  mountDisk(lists, join(folder, 'lists.img'));
  service = await startIn(folder, { VERITAS_STORE_PATH: join(store, 'var/veritas.db') });
  admin = await callerOf(service, 'admin-client');
  worker = await callerOf(service, 'veritas-worker');
});
afterAll(async () => {
  await service.close();
  for (const mount of [lists, store]) execFileSync('umount', [mount]);
  rmSync(folder, { recursive: true });
});

/** Has a disk stand still for a while; gives when it is over. */
async function freeze(mount: string): Promise<{ readonly thawed: Promise<number> }> {
  // In a process of its own: should this one stand still, the disk comes back all the same.
  const thaw = spawn('sh', ['-c', `fsfreeze -f "$1" && sleep ${FROZEN_MS / 1000}; fsfreeze -u "$1"`, 'sh', mount]);
  const thawed = new Promise<number>((resolve) => thaw.once('exit', () => resolve(performance.now())));
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { thawed };
}

/** Requests that only need the guard, for half of the time that a disk stands still; when each was answered. */
async function guarded(): Promise<number[]> {
  const answered: number[] = [];
  const until = performance.now() + FROZEN_MS / 2;
  while (performance.now() < until) {
    expect((await get(service.ports.https, '/api/v1/test', worker.tls)).status).toBe(200);
    answered.push(performance.now());
  }
  return answered;
}

const issue = () =>
  send(service.ports.https, {
    method: 'POST',
    path: '/api/v1/certificates',
    tls: admin.tls,
    body: { csr: csrOf(newKey(), 'test-client') },
  });

test('a disk that stalls delays issuing, and no request that only needs the guard', async () => {
  expect((await issue()).status).toBe(201);
  const { thawed } = await freeze(store);
  const issued = issue().then(({ status }) => ({ status, at: performance.now() }));
  const answered = await guarded();
  const [{ status, at }, end] = [await issued, await thawed];
  // What needed the disk waited for it, and then went well; all the others were answered before.
  expect(status).toBe(201);
  expect(at).toBeGreaterThan(end - 100);
  expect(answered.length).toBeGreaterThan(20);
  expect(answered.at(-1)).toBeLessThan(end);
});

test('a disk that stalls right after a commit holds up nobody who looks at what was committed', async () => {
  const other = await openStore({ path: join(store, 'other.db') });
  await other.transaction((transaction) => setPolicy(transaction, 'one'));
  const before = await other.dataVersion();
  await other.transaction((transaction) => setPolicy(transaction, 'two'));
  // Nothing of this process comes in between.
  const thaw = spawn('sh', ['-c', `sleep ${FROZEN_MS / 1000}; fsfreeze -u "$1"`, 'sh', store]);
  execFileSync('fsfreeze', ['-f', store]);
  const begun = performance.now();
  expect(await other.dataVersion()).not.toBe(before);
  expect(performance.now() - begun).toBeLessThan(FROZEN_MS / 2);
  await once(thaw, 'exit');
  await other.close();
});

test('a disk of lists that stalls delays the file of a list, and no request, nor the list itself', async () => {
  const { serial_number: serial } = (await issue()).json as { readonly serial_number: string };
  const served = async () => (await getPlain(service.ports.repository ?? 0, '/crl/issuing.crl')).body;
  const written = () => readFileSync(join(lists, 'issuing.crl'));
  const before = await served();
  const { thawed } = await freeze(lists);
  const path = `/api/v1/certificates/${serial}/revocation`;
  const body = { reason: 'superseded' };
  expect((await send(service.ports.https, { method: 'POST', path, tls: admin.tls, body })).status).toBe(200);
  const answered = await guarded();
  const during = await served();
  expect([during.equals(before), written().equals(before)]).toEqual([false, true]);
  const end = await thawed;
  expect(answered.length).toBeGreaterThan(20);
  expect(answered.at(-1)).toBeLessThan(end);
  while (!written().equals(during)) await new Promise((resolve) => setTimeout(resolve, 20));
});
