import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { temporaryFolder } from '../../../test/support/folder.js';
import { openTemporaryAuthority } from '../../../test/support/temporary-authority.js';
import { withPassphrase, wipePassphrases } from './passphrase.js';

afterEach(() => {
  wipePassphrases();
});

const isWiped = (octets: Buffer): boolean => octets.every((octet) => octet === 0);

test('a file is read for each use, trimmed, and wiped when the use is over, even by an error', async () => {
  const path = join(temporaryFolder(), 'passphrase');
  for (const text of ['one', ' \t two\r\n']) {
    writeFileSync(path, text, { mode: 0o600 });
    let octets: Buffer = Buffer.from('x');
    const failing = withPassphrase(path, (passphrase) => {
      octets = passphrase;
      expect(passphrase.toString()).toBe(text.trim());
      throw new Error('in use');
    });
    await expect(failing).rejects.toThrow('in use');
    expect(isWiped(octets)).toBe(true);
  }
});

test('a pipe is read once for all uses, and is over when it was wiped', async () => {
  const path = join(temporaryFolder(), 'pipe');
  spawnSync('sh', ['-c', 'mkfifo -m 600 "$0"', path]);
  const writer = spawn('sh', ['-c', 'printf "open sesame\\n" >"$0"', path]);
  let octets: Buffer = Buffer.from('x');
  for (let use = 0; use < 2; use++)
    await withPassphrase(path, (passphrase) => {
      expect(passphrase.toString()).toBe('open sesame');
      octets = passphrase;
    });
  await once(writer, 'exit');
  wipePassphrases();
  expect(isWiped(octets)).toBe(true);
  await expect(withPassphrase(path, () => 'again')).rejects.toMatchObject({
    code: 'key_unreadable',
    message: expect.stringContaining('was wiped when the keys had been opened'),
  });
});

test('a CA that has opened its keys leaves the passphrase of another one in the process, which came through a pipe', async () => {
  const [one, other] = [await openTemporaryAuthority(), await openTemporaryAuthority()];
  const passphraseFile = join(other.folder, 'pipe');
  spawnSync('sh', ['-c', 'mkfifo -m 600 "$0"', passphraseFile]);
  const writer = spawn('sh', ['-c', 'cat "$1" >"$0"', passphraseFile, other.settings.passphraseFile]);
  const { ca } = await other.reopen({ settings: { ...other.settings, passphraseFile } });
  await Promise.all([ca.issuing.issuer.open(), once(writer, 'exit')]);
  await one.authority.ca.openKeys();
  await ca.openKeys();
  await expect(withPassphrase(passphraseFile, () => 'again')).rejects.toMatchObject({ code: 'key_unreadable' });
  await Promise.all([one.close(), other.close()]);
});
