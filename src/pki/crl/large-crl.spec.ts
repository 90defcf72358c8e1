import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { certificationRequest } from '../../../test/support/certification-request.js';
import { fillStore } from '../../../test/support/revoked-store.js';
import {
  openTemporaryAuthority,
  somebody,
  type TemporaryAuthority,
} from '../../../test/support/temporary-authority.js';
import { threadsStartedBy, withoutThreads } from '../../../test/support/threads.js';
import type { CrlFileRequest } from './crl-file-protocol.js';
import { CrlFileThread } from './crl-file-thread.js';
import { readPublished } from './crl-publication.js';
import type { CertificationAuthority } from '../certification-authority.js';
import { CrlReason, decodeCertificateList } from '../../x509/index.js';

// Lists of more than a mebibyte, which a thread reads, checks and writes.
const MANY = 24_000;

let temporary: TemporaryAuthority;
let authority: CertificationAuthority;
let path: string;
/** A certificate on hold, the first on each list. */
let held: string;
beforeEach(async () => {
  temporary = await openTemporaryAuthority();
  authority = await temporary.reopen({ settings: { ...temporary.settings, crlDeltaLifetime: 3600 } });
  path = join(temporary.folder, 'var/veritas.db');
  const { certificate } = await authority.ca.issue({ request: certificationRequest(), requester: somebody });
  held = certificate.serialNumber;
  await authority.ca.revoke({ serialNumber: held, reason: 'certificateHold', requester: somebody });
});
afterEach(() => temporary.close());

const revokeMany = () => fillStore(path, { revoked: MANY }).revoked;
const sign = (scope = 'complete') => authority.crls.sign('issuing', somebody, scope);
const files = () => readdirSync(join(temporary.folder, 'var/crl'), { recursive: true, encoding: 'utf8' });
function reasonsIn(name: string): Map<string, number | undefined> {
  const list = decodeCertificateList(readFileSync(join(temporary.folder, 'var/crl', name)));
  return new Map(Array.from(list.revokedCertificates(), ({ serialNumber, reason }) => [serialNumber, reason] as const));
}

test('they have every revocation, and a delta also the holds that were lifted', async () => {
  const first = revokeMany();
  await sign();
  expect([...reasonsIn('issuing.crl').keys()]).toEqual([held, ...first]);
  await authority.ca.release({ serialNumber: held, requester: somebody });
  const second = revokeMany();
  await sign('delta');
  const delta = reasonsIn('issuing/delta.crl');
  expect([...delta.keys()]).toEqual([...second, held]);
  expect(delta.get(held)).toBe(CrlReason.removeFromCRL);
  await sign();
  expect([...reasonsIn('issuing.crl').keys()]).toEqual([...first, ...second]);
});

test('one is served on when one of another scope is placed', async () => {
  revokeMany();
  await sign();
  revokeMany();
  await sign('delta');
  // What is served no more is read by nobody after a second.
  await setTimeout(1100);
  const list = await readPublished(authority.crls.current('issuing')!);
  expect(Buffer.compare(list, readFileSync(join(temporary.folder, 'var/crl/issuing.crl')))).toBe(0);
});

test('they are as the rows were when they were begun, whatever is written meanwhile', async () => {
  revokeMany();
  await sign();
  const { ask } = CrlFileThread.prototype;
  let isRevoked = false;
  const asked = jest.spyOn(CrlFileThread.prototype, 'ask').mockImplementation(async function (
    this: CrlFileThread,
    request,
    moved,
  ) {
    if (request.kind === 'pages' && !isRevoked) {
      isRevoked = true;
      // So it has another place in the order of revocations, behind all that this list has.
      await authority.ca.revoke({ serialNumber: held, reason: 'keyCompromise', requester: somebody });
    }
    return ask.call(this, request, moved);
  });
  try {
    await sign();
  } finally {
    asked.mockRestore();
  }
  expect(isRevoked).toBe(true);
  expect(reasonsIn('issuing.crl').get(held)).toBe(CrlReason.certificateHold);
  await sign();
  expect(reasonsIn('issuing.crl').get(held)).toBe(CrlReason.keyCompromise);
});

test('none is signed when the row of a revocation lacks its entry, or the store is not there, and the next goes on', async () => {
  revokeMany();
  await sign();
  const before = files();
  const change = (crlEntry: string): void => {
    const database = new DatabaseSync(path);
    expect(database.prepare(`update certificate set crl_entry = ${crlEntry} where serial = ?`).run(held).changes).toBe(
      1,
    );
    database.close();
  };
  const database = new DatabaseSync(path);
  const { entry } = database.prepare('select hex(crl_entry) as entry from certificate where serial = ?').get(held)!;
  database.close();
  const threads = await threadsStartedBy(async () => {
    change('null');
    await expect(sign()).rejects.toMatchObject({
      code: 'store_corrupt',
      message: expect.stringContaining('have no entry'),
    });
    expect(files()).toEqual(before);
    change(`unhex('${String(entry)}')`);
    await sign();
  });
  expect(reasonsIn('issuing.crl').size).toBe(MANY + 1);
  // What reads and writes the list was not lost with it.
  expect(threads).toBeLessThanOrEqual(1);
  renameSync(path, `${path}.moved`);
  await expect(sign()).rejects.toMatchObject({ code: 'store_unavailable' });
  renameSync(`${path}.moved`, path);
  await sign();
});

test('none is signed when there is no thread for it, or its thread ends, and the next goes on', async () => {
  revokeMany();
  await sign();
  const before = files();
  const { postMessage } = Worker.prototype;
  const sent = jest.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, message, moved) {
    if ((message as CrlFileRequest).kind === 'unique') void this.terminate();
    else postMessage.call(this, message, moved);
  });
  try {
    await expect(sign()).rejects.toMatchObject({
      code: 'thread_failed',
      message: 'the thread that writes the revocation list ended',
    });
  } finally {
    sent.mockRestore();
  }
  await withoutThreads(() =>
    expect(sign()).rejects.toMatchObject({
      code: 'thread_failed',
      message: 'the thread that writes the revocation list cannot be started (EAGAIN)',
    }),
  );
  expect(files()).toEqual(before);
  await sign();
});

test('one that cannot be placed fails with the reason, and its thread ends, even if what was written cannot be removed', async () => {
  revokeMany();
  await sign();
  const { ask } = CrlFileThread.prototype;
  const asked = jest.spyOn(CrlFileThread.prototype, 'ask').mockImplementation(async function (
    this: CrlFileThread,
    request,
    moved,
  ) {
    if (request.kind === 'unique') {
      const draft = files().find((name) => name.endsWith('.tmp'))!;
      // In its place is what neither gets the name of a list nor is removed as a file.
      rmSync(join(temporary.folder, 'var/crl', draft));
      mkdirSync(join(temporary.folder, 'var/crl', draft));
    }
    return ask.call(this, request, moved);
  });
  const released = jest.spyOn(CrlFileThread.prototype, 'release');
  try {
    await expect(sign()).rejects.toMatchObject({ code: 'file_unwritable' });
    expect(released).toHaveBeenCalledTimes(1);
  } finally {
    asked.mockRestore();
    released.mockRestore();
  }
});

test('nothing is left of one that is signed when the reading of its rows cannot be ended', async () => {
  revokeMany();
  await sign();
  const before = files();
  const closed = jest.spyOn(CrlFileThread.prototype, 'close').mockRejectedValueOnce(new Error('the disk is gone'));
  try {
    await expect(sign()).rejects.toThrow('the disk is gone');
  } finally {
    closed.mockRestore();
  }
  expect(files()).toEqual(before);
});
