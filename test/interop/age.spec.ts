import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { commandLine, type Run } from '../support/command-line.js';
import { openTemporaryAuthority, somebody, type TemporaryAuthority } from '../support/temporary-authority.js';
import { certificationRequest } from '../support/certification-request.js';

let authority: TemporaryAuthority;
let other: string;
const inFolder = (name: string): string => join(authority.folder, name);
const age = (...args: string[]): string =>
  execFileSync('age', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 * 1024 * 1024 });

const settingsOf = (folder: string) => ({
  VERITAS_STORE_PATH: join(folder, 'var/veritas.db'),
  VERITAS_PKI_DIRECTORY: join(folder, 'certs/ca'),
  VERITAS_PKI_PASSPHRASE_FILE: join(folder, 'certs/ca/passphrase'),
});

const veritas = (folder: string, ...args: string[]): Promise<Run> => commandLine(args, settingsOf(folder));

beforeAll(async () => {
  authority = await openTemporaryAuthority();
  other = mkdtempSync(join(tmpdir(), 'veritas-'));
  for (let i = 0; i < 20; i++)
    await authority.authority.ca.issue({ request: certificationRequest(), requester: somebody });
  await authority.authority.crls.publishIfDue();
  execFileSync('age-keygen', ['-o', inFolder('key')], { stdio: 'ignore' });
});
afterAll(async () => {
  await authority.close();
  rmSync(other, { recursive: true });
});

test('age opens a backup, and in it is what should be', async () => {
  process.stdout.write(`age ${age('--version')}`);
  const recipient = execFileSync('age-keygen', ['-y', inFolder('key')], { encoding: 'utf8' }).trim();
  expect(await veritas(authority.folder, 'backup', '--out', inFolder('backup.age'), '--recipient', recipient)).toMatchObject({ code: 0, err: '' }); // prettier-ignore
  const text = age('-d', '-i', inFolder('key'), inFolder('backup.age'));
  const lines = text.trimEnd().split('\n');
  const [manifest, ...rest] = lines.map((line) => JSON.parse(line) as Record<string, unknown> | unknown[]);
  expect(manifest).toMatchObject({ veritas_backup: 1, keys: 'files', crl_numbers: { root: 1, issuing: 1 } });
  const body = text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1);
  const sha256 = createHash('sha256').update(body).digest('hex');
  expect(rest.at(-1)).toEqual({ end: { lines: lines.length - 1, sha256 } });
  const names = rest.filter((line) => Array.isArray(line)).map(([name]) => String(name));
  expect(names.filter((name) => name === 'certificate')).toHaveLength(22);
  const key = rest.find((line) => !Array.isArray(line) && line.file === 'issuing_ca.key.pem');
  expect(key).toMatchObject({ contents: readFileSync(inFolder('certs/ca/issuing_ca.key.pem'), 'utf8') });
});

test('what age wrote is restored', async () => {
  const plain = inFolder('plain');
  age('-d', '-i', inFolder('key'), '-o', plain, inFolder('backup.age'));
  execFileSync('age-keygen', ['-o', inFolder('key-2')], { stdio: 'ignore' });
  const recipient = execFileSync('age-keygen', ['-y', inFolder('key-2')], { encoding: 'utf8' }).trim();
  age('-r', recipient, '-o', inFolder('again.age'), plain);
  const lists = ['--crl', inFolder('var/crl/root.crl'), '--crl', inFolder('var/crl/issuing.crl')];
  const args = ['restore', inFolder('again.age'), '--identity-file', inFolder('key-2'), ...lists];
  expect(await veritas(other, ...args)).toMatchObject({ code: 0, err: '' });
});
