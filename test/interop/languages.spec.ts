import { execFile } from 'node:child_process';
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startIn, type ServiceInFolder } from '../support/service.js';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
let service: ServiceInFolder;

beforeAll(async () => {
  service = await startIn();
});
afterAll(() => service.close());

/** The first block of a language in a document, for the port of this service. */
function blockOf(document: string, language: string): string {
  const text = readFileSync(join(root, document), 'utf8');
  const [, block] = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'm').exec(text) ?? [];
  if (block === undefined) throw new Error(`${document} has no ${language}`);
  return block.replaceAll('5000', String(service.ports.https));
}

const CALLS = [
  ['Node.js', 'README.md', 'js', 'call.mjs', [process.execPath, 'call.mjs']],
  ['Python', 'README.md', 'python', 'call.py', ['python3', 'call.py']],
  ['Go', 'docs/clients.md', 'go', 'main.go', ['go', 'run', 'main.go']],
  ['Java', 'docs/clients.md', 'java', 'Call.java', ['java', 'Call.java']],
] as const;

describe.each(CALLS)('the client in %s of %s', (_, document, language, file, [command, ...options]) => {
  const call = async (): Promise<string> => {
    writeFileSync(join(service.folder, file), blockOf(document, language));
    const env = { ...process.env, GO111MODULE: 'off', GOFLAGS: '', GOCACHE: join(service.folder, 'go') };
    return (await run(command, options, { cwd: service.folder, env })).stdout;
  };

  test('is let in, and told who it is', async () => {
    expect(await call()).toMatch(/^200\s+\{.*"service":"veritas-client"/);
  });

  test('hears the code of a refusal, for the certificate of a server', async () => {
    const certs = (name: string): string => join(service.folder, 'certs', name);
    for (const kind of ['cert', 'key']) {
      copyFileSync(certs(`client_${kind}.pem`), certs(`kept_${kind}.pem`));
      copyFileSync(certs(`server_${kind}.pem`), certs(`client_${kind}.pem`));
    }
    try {
      expect(await call()).toMatch(/^403\s+\{.*"code":"wrong_key_usage"/);
    } finally {
      for (const kind of ['cert', 'key']) copyFileSync(certs(`kept_${kind}.pem`), certs(`client_${kind}.pem`));
    }
  });
});

test('the key store of docs/clients.md, in PKCS#12, is taken by curl and by Java, and belongs to its owner', async () => {
  const cwd = service.folder;
  const made = `${blockOf('docs/clients.md', 'sh').trim()} -passout pass:changeit`;
  await run('sh', ['-c', made], { cwd });
  expect(statSync(join(cwd, 'client.p12')).mode & 0o077).toBe(0);
  const url = `https://localhost:${service.ports.https}/api/v1/test`;
  const store = ['--cert-type', 'P12', '--cert', 'client.p12:changeit'];
  const { stdout } = await run('curl', ['-sS', '--cacert', 'certs/ca_bundle.pem', ...store, url], { cwd });
  expect(JSON.parse(stdout)).toMatchObject({ client: { service: 'veritas-client', authenticated: true } });
  const listed = await run('keytool', ['-list', '-keystore', 'client.p12', '-storepass', 'changeit'], { cwd });
  expect(listed.stdout).toMatch(/^veritas-client, .*PrivateKeyEntry/m);
});
