import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithMounts, fillDisk, mountDisk } from '../support/mounts.js';
import { fillStore } from '../support/revoked-store.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../support/temporary-authority.js';

const MEBIBYTE = 1024 * 1024;
// A list of more than a mebibyte: it goes through a file before it is a file.
const REVOKED = 40_000;

describeWithMounts('a disk that is full when a large list is written', () => {
  let temporary: TemporaryAuthority;
  let folder: string;
  const openssl = (): string => {
    const ca = join(temporary.folder, 'certs/issuing_ca.pem');
    const list = ['-inform', 'DER', '-in', join(folder, 'issuing.crl'), '-CAfile', ca];
    const { stdout, stderr } = spawnSync('openssl', ['crl', '-noout', '-crlnumber', ...list], { encoding: 'utf8' });
    return stdout + stderr;
  };
  const sign = () => temporary.authority.crls.sign('issuing', somebody);
  /** What is served no more is kept for a second, for who has begun to read it: one list is left, and room for two. */
  const oldOnesAreGone = async (): Promise<void> => {
    while (statfsSync(folder).bavail * statfsSync(folder).bsize < 5 * MEBIBYTE) await delay(20);
  };
  const files = () => readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name !== 'filler');

  beforeAll(async () => {
    temporary = await openTemporaryAuthority();
    folder = join(temporary.folder, 'var/crl');
    fillStore(join(temporary.folder, 'var/veritas.db'), { revoked: REVOKED });
    mountDisk(folder, 8 * MEBIBYTE);
    await temporary.authority.registry.refresh();
  }, 60_000);
  afterAll(() => temporary.close());

  test.each([0, 256 * 1024])(
    'with %d octets left: the old one stays as it was, one clear error, and the next goes on when there is room',
    async (left) => {
      const before = await sign();
      expect(statSync(join(folder, 'issuing.crl')).size).toBeGreaterThan(MEBIBYTE);
      const octets = readFileSync(join(folder, 'issuing.crl'));
      const there = files();
      await oldOnesAreGone();
      const makeRoom = fillDisk(folder, left);
      await expect(sign()).rejects.toMatchObject({
        code: 'file_unwritable',
        message: expect.stringContaining('cannot be written (ENOSPC)'),
      });
      expect(readFileSync(join(folder, 'issuing.crl')).equals(octets)).toBe(true);
      expect(files()).toEqual(there);
      expect(openssl()).toContain('verify OK');
      makeRoom();
      const after = await sign();
      expect(after.number).toBeGreaterThan(before.number);
      expect(openssl()).toContain(`crlNumber=0x${after.number.toString(16).toUpperCase().padStart(2, '0')}`);
      expect(await temporary.authority.audit.verify()).toMatchObject({ ok: true });
    },
    60_000,
  );
});
