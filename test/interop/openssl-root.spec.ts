import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine } from '../support/command-line.js';
import { temporaryFolder } from '../support/folder.js';
import { environmentIn } from '../support/service.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const path = (name: string): string => join(folder, name);

/** Runs the system's openssl in the folder. */
function openssl(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' });
  return stdout;
}

async function veritas(...args: string[]): Promise<string> {
  const { code, out, err } = await commandLine(args, environmentIn(folder));
  expect({ args, code, err: code === 0 ? '' : err }).toEqual({ args, code: 0, err: '' });
  return out;
}

test('a root that openssl keeps certifies the issuing CA, as docs/operations.md has it', async () => {
  const manual = readFileSync('docs/operations.md', 'utf8');
  const extensions = /where `issuing\.ext` holds\s+```ini\n([\s\S]+?)```/.exec(manual)?.[1] ?? '';
  const command = /^openssl (x509 -req -in issuing\.csr .+)$/m.exec(manual)?.[1] ?? '';
  writeFileSync(path('issuing.ext'), extensions);
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'],
    ...['-keyout', 'root.key', '-out', 'root.pem', '-subj', '/O=VERITAS Framework/CN=Offline Root'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  );
  await veritas('ca', 'request', '--out', path('issuing.csr'));
  openssl(...command.split(' '));
  writeFileSync(path('index.txt'), '');
  writeFileSync(path('crlnumber'), '1001\n');
  writeFileSync(
    path('ca.cnf'),
    '[ca]\ndefault_ca=root\n[root]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\n[crl]\nauthorityKeyIdentifier=keyid\n',
  );
  openssl(
    ...['ca', '-config', 'ca.cnf', '-gencrl', '-crldays', '30', '-crlexts', 'crl'],
    ...['-cert', 'root.pem', '-keyfile', 'root.key', '-out', 'root.crl'],
  );
  const given = ['--cert', path('issuing.pem'), '--root', path('root.pem'), '--crl', path('root.crl')];
  expect(await veritas('ca', 'install', ...given)).toContain(
    'issuing, below root: active\nRevocation list 4097 of root',
  );
  await veritas('issue', '--service', 'veritas-worker', '--cert', path('worker.pem'), '--key', path('worker.key'));
  const trust = ['-CAfile', 'root.pem', '-untrusted', 'certs/issuing_ca.pem'];
  const lists = ['root', 'issuing'].flatMap((id) => ['-CRLfile', `var/crl/${id}.crl`]);
  expect(openssl('verify', '-x509_strict', '-crl_check_all', ...trust, ...lists, 'worker.pem')).toBe(
    'worker.pem: OK\n',
  );
});
