import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/folder.js';
import { freePort } from '../support/free-port.js';
import { isListening, openRequest } from '../support/open-request.js';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const folder = temporaryFolder();
const certs = (name: string): string => join(folder, 'certs', name);
let environment: Record<string, string>;
let base = '';
let repository = '';
let output = '';
let service: ChildProcess;

beforeAll(async () => {
  const [https, http] = [await freePort(), await freePort()];
  base = `https://localhost:${https}`;
  repository = `http://localhost:${http}`;
  environment = {
    VERITAS_HTTP_PORT: String(https),
    VERITAS_REPOSITORY_PORT: String(http),
    VERITAS_PKI_PUBLICATION_URL: repository,
    VERITAS_LOG_ACCESS_LOG: 'true',
    VERITAS_STORE_PATH: join(folder, 'var/veritas.db'),
    VERITAS_PKI_DIRECTORY: certs('ca'),
    VERITAS_PKI_PASSPHRASE_FILE: certs('ca/passphrase'),
    VERITAS_TLS_CERTIFICATE_FILE: certs('server_cert.pem'),
    VERITAS_TLS_KEY_FILE: certs('server_key.pem'),
    VERITAS_TLS_CA_FILE: certs('ca_bundle.pem'),
  };
  service = spawn('npm', ['start'], {
    cwd: root,
    env: { ...process.env, ...environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [service.stdout, service.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  while (!output.includes('Veritas listens on')) {
    if (service.exitCode !== null) throw new Error(`npm start ended:\n${output}`);
    await wait(50);
  }
}, 120_000);

afterAll(() => {
  try {
    if (service.pid !== undefined) process.kill(-service.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
});

/** Runs curl as a person would, and gives the status and the body. */
async function curl(...options: string[]): Promise<{ status: number; body: string }> {
  const { stdout } = await run('curl', [
    '--silent',
    '--show-error',
    '--cacert',
    certs('ca_bundle.pem'),
    '--write-out',
    '\n%{http_code}',
    ...options,
  ]);
  const at = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) };
}
const client = (): string[] => ['--cert', certs('client_cert.pem'), '--key', certs('client_key.pem')];

async function veritas(...options: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [join(root, 'bin/veritas.js'), ...options], {
    cwd: folder,
    env: { ...process.env, ...environment },
  });
  return stdout;
}

describe('npm start', () => {
  test('prints where it listens and three curl lines that can be pasted', async () => {
    const lines = output.split('\n').filter((line) => line.trim().startsWith('curl '));
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      const { stdout } = await run('bash', ['-c', `${line} --silent --fail`], { cwd: root });
      expect(JSON.parse(stdout)).toEqual(expect.any(Object));
    }
  });
  test('goes in a folder whose name a shell would read otherwise', async () => {
    const odd = join(temporaryFolder(), 'a&b (1) $HOME');
    for (const name of [
      'src',
      'config',
      'package.json',
      'nest-cli.json',
      'tsconfig.json',
      'tsconfig.build.json',
      '.swcrc',
    ])
      cpSync(join(root, name), join(odd, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(odd, 'node_modules'));
    const env = { ...process.env, VERITAS_HTTP_PORT: '0', VERITAS_REPOSITORY_PORT: '0' };
    const started = spawn('npm', ['start'], { cwd: odd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [started.stdout, started.stderr])
      stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    while (!said.includes('Veritas listens on') && started.exitCode === null) await wait(50);
    if (started.pid !== undefined && started.exitCode === null) process.kill(-started.pid, 'SIGKILL');
    expect(said).toContain('Veritas listens on');
  }, 60_000);

  test('prints no warning', () => {
    expect(output.replaceAll(/^npm (warn|notice).*$/gm, '')).not.toMatch(/warn|deprecat|experimental/i);
  });
});

describe.each(['--http1.1', '--http2'])('the five checks with curl %s', (http) => {
  describe.each(['--tls-max 1.2', '--tlsv1.3'])('%s', (tls) => {
    const options = [http, ...tls.split(' ')];
    test('health without a certificate: 200', async () => {
      expect((await curl(...options, `${base}/health`)).status).toBe(200);
    });
    test('the API without one: 401', async () => {
      const { status, body } = await curl(...options, `${base}/api/v1/test`);
      expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([401, 'client_certificate_required']);
    });
    test('the API with one: 200, certificate-info, whoami', async () => {
      const answers = await Promise.all(
        ['test', 'certificate-info', 'whoami'].map((path) => curl(...options, ...client(), `${base}/api/v1/${path}`)),
      );
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(answers[0]?.body).toContain('"service":"veritas-client","common_name":"veritas-client"');
    });
  });
});

describe('the whole life of a certificate, by hand', () => {
  test('issue, call, revoke, refused, on the CRL that openssl checks', async () => {
    const [cert, key] = [join(folder, 'worker.pem'), join(folder, 'worker.key')];
    await veritas('issue', '--service', 'veritas-worker', '--cert', cert, '--key', key);
    const worker = ['--cert', cert, '--key', key];
    expect((await curl(...worker, `${base}/api/v1/whoami`)).body).toContain('"service":"veritas-worker"');
    await veritas('revoke', '--cert', cert, '--reason', 'keyCompromise');
    let answer = await curl(...worker, `${base}/api/v1/test`);
    while (answer.status === 200) answer = await curl(...worker, `${base}/api/v1/test`);
    expect(answer.body).toContain('certificate_revoked');

    const crl = join(folder, 'issuing.pem');
    for (;;) {
      await run('bash', [
        '-c',
        `curl -sf ${repository}/crl/issuing.crl | openssl crl -inform DER -out ${crl} && curl -sf ${repository}/crl/root.crl | openssl crl -inform DER >> ${crl}`,
      ]);
      if ((await run('openssl', ['crl', '-in', crl, '-noout', '-text'])).stdout.includes('Key Compromise')) break;
      await wait(20);
    }
    const verify = [
      'verify',
      '-x509_strict',
      '-crl_check_all',
      '-CRLfile',
      crl,
      '-CAfile',
      certs('root_ca.pem'),
      '-untrusted',
      certs('issuing_ca.pem'),
    ];
    await expect(run('openssl', [...verify, cert])).rejects.toMatchObject({
      stderr: expect.stringContaining('certificate revoked'),
    });
    expect((await run('openssl', [...verify, certs('client_cert.pem')])).stdout).toContain(': OK');
  });

  test('a certificate for a service that is not on the list: 403 without a word about the list', async () => {
    const [cert, key] = [join(folder, 'stranger.pem'), join(folder, 'stranger.key')];
    await veritas('issue', '--service', 'stranger', '--cert', cert, '--key', key);
    const { status, body } = await curl('--cert', cert, '--key', key, `${base}/api/v1/test`);
    expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([403, 'service_not_allowed']);
    expect(body).not.toContain('veritas-worker');
  });

  test('a self-signed certificate: 403 untrusted_issuer, whatever name it gives itself', async () => {
    const [cert, key] = [join(folder, 'self.pem'), join(folder, 'self.key')];
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/O=VERITAS Framework/CN=veritas-client',
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '1',
    ]);
    const { status, body } = await curl('--cert', cert, '--key', key, `${base}/api/v1/test`);
    expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([403, 'untrusted_issuer']);
  });
});

test('the log has a line of JSON for each request and each refusal, and never a key', async () => {
  await curl(...client(), '--header', 'X-Request-Id: curl-spec-1', `${base}/api/v1/whoami`);
  await curl('--header', 'X-Request-Id: curl-spec-2', `${base}/api/v1/whoami`);
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(parsed.find(({ event, request_id }) => event === 'answered' && request_id === 'curl-spec-1')).toMatchObject({
    status: 200,
    service: 'veritas-client',
    route: '/api/v1/whoami',
  });
  expect(parsed.find(({ event, request_id }) => event === 'refused' && request_id === 'curl-spec-2')).toMatchObject({
    code: 'client_certificate_required',
  });
  expect(output).not.toMatch(/PRIVATE KEY/);
  expect(output).not.toContain(readFileSync(certs('ca/passphrase'), 'utf8').trim());
});

test('every artefact of the first start satisfies openssl', async () => {
  const chain = ['-CAfile', certs('root_ca.pem'), '-untrusted', certs('issuing_ca.pem')];
  for (const [file, purpose] of [
    ['server_cert.pem', 'sslserver'],
    ['client_cert.pem', 'sslclient'],
  ] as const)
    expect(
      (await run('openssl', ['verify', '-x509_strict', '-purpose', purpose, ...chain, certs(file)])).stdout,
    ).toContain(': OK');
  for (const name of ['root', 'issuing']) {
    await run('bash', [
      '-c',
      `curl -sf ${repository}/crl/${name}.crl | openssl crl -inform DER -CAfile ${certs('ca_bundle.pem')} -noout`,
    ]);
    await run('bash', ['-c', `curl -sf ${repository}/ca/${name}.cer | openssl x509 -inform DER -noout -text`]);
  }
  expect(readFileSync(certs('ca/issuing_ca.key.pem'), 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
  await run('openssl', [
    'pkey',
    '-in',
    certs('ca/issuing_ca.key.pem'),
    '-passin',
    `file:${certs('ca/passphrase')}`,
    '-noout',
  ]);
});

test('a SIGTERM to npm alone ends the service as well, once an open request is answered', async () => {
  const port = Number(new URL(base).port);
  const open = await openRequest(port, readFileSync(certs('ca_bundle.pem')));
  const ended = once(service, 'exit');
  const closed = once(service, 'close');
  service.kill('SIGTERM');
  while (await isListening(port)) await wait(10);
  expect(await open.finish()).toBe(401);
  expect(await ended).toEqual([0, null]);
  // Its pipes close once nobody has them any more, the service neither.
  await closed;
});
