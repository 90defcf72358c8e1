import { expect, test } from '@jest/globals';
import { Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { decryptFromAge, encryptForAge, type AgeKey, type AgeRecipient } from './age-file.js';

const CHUNK = 64 * 1024;
const octets = Buffer.alloc(3 * CHUNK, 'octets of a backup');

async function* streamOf(whole: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += 10_000) yield await Promise.resolve(whole.subarray(at, at + 10_000));
}

async function all(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

const encrypted = async (to: AgeRecipient): Promise<Buffer> => all(await encryptForAge(streamOf(octets), to));
const decrypted = (file: Uint8Array, key: AgeKey): Promise<Buffer> => all(decryptFromAge(streamOf(file), key));

test('a passphrase decrypts what it encrypted', async () => {
  const file = await encrypted({ passphrase: 'one' });
  expect(file.includes('octets')).toBe(false);
  // What deriving the key costs is most of what the passphrase is worth.
  expect(file.toString('latin1', 0, 200)).toMatch(/^age-encryption\.org\/v1\n-> scrypt \S+ 18\n/);
  expect((await decrypted(file, { passphrase: 'one' })).equals(octets)).toBe(true);
});

test('no other passphrase decrypts it', async () => {
  const encrypter = new Encrypter();
  encrypter.setPassphrase('one');
  encrypter.setScryptWorkFactor(10);
  const file = await encrypter.encrypt(octets);
  expect((await decrypted(file, { passphrase: 'one' })).equals(octets)).toBe(true);
  await expect(decrypted(file, { passphrase: 'other' })).rejects.toMatchObject({
    code: 'backup_unreadable',
    message: expect.stringContaining('not encrypted to this passphrase or identity'),
  });
});

test('an identity decrypts what was encrypted to its recipient, whole or not at all', async () => {
  const identity = await generateIdentity();
  const file = await encrypted({ recipient: await identityToRecipient(identity) });
  const key = { identities: `# created: today\n\n  ${await generateIdentity()}\n${identity}\n` };
  expect((await decrypted(file, key)).equals(octets)).toBe(true);
  const changed = Buffer.from(file);
  changed.writeUInt8(changed.readUInt8(file.length - CHUNK) ^ 1, file.length - CHUNK);
  for (const other of [changed, file.subarray(0, -1), file.subarray(0, -CHUNK - 100)])
    await expect(decrypted(other, key)).rejects.toMatchObject({
      code: 'backup_unreadable',
      message: expect.stringContaining('changed or truncated'),
    });
  for (const other of [octets, file.subarray(0, 50), Buffer.alloc(0)])
    await expect(decrypted(other, key)).rejects.toMatchObject({ code: 'backup_unreadable' });
});

test('what is no key is refused without being quoted', async () => {
  const identity = await generateIdentity();
  const file = await encrypted({ recipient: await identityToRecipient(identity) });
  const wrong = identity.slice(0, -1);
  await expect(decrypted(file, { identities: wrong })).rejects.toThrow(/^the identity file holds a line that is not/);
  await expect(decrypted(file, { identities: '# none\n' })).rejects.toThrow('holds no age identity');
  await expect(encrypted({ recipient: identity })).rejects.toThrow(/^the recipient is not a valid age recipient/);
});

test('an error of the file is thrown as it is', async () => {
  const identity = await generateIdentity();
  const file = await encrypted({ recipient: await identityToRecipient(identity) });
  for (const length of [10, file.length - CHUNK]) {
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(file.subarray(0, length));
      throw Object.assign(new Error('EIO'), { syscall: 'read' });
    };
    await expect(all(decryptFromAge(broken(), { identities: identity }))).rejects.toMatchObject({ syscall: 'read' });
  }
});
