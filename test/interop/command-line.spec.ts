import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { TestCa } from '../../src/testing/index.js';
import { fillStore } from '../support/revoked-store.js';

const root = resolve('.');
const fail = (status: unknown): never => {
  throw new Error(`it ended: ${String(status)}`);
};

describe('the veritas program, as a process', () => {
  let folder: string;
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'bin/veritas.js'), ...args], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    return { status, stdout, stderr };
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'veritas-cli-'));
    cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
    copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('says that it is not built yet', () => {
    expect(run('list')).toEqual({
      status: 3,
      stdout: '',
      stderr: 'veritas: the program is not built yet: run `npm run build` in its folder first\n',
    });
  });

  it('runs what was compiled: setup, issue, verify, and the exit codes', () => {
    for (const name of ['config', 'node_modules']) symlinkSync(join(root, name), join(folder, name));
    const compiled = spawnSync(
      process.execPath,
      [
        join(root, 'node_modules/@swc/cli/bin/swc.js'),
        'src',
        '-d',
        join(folder, 'dist'),
        '--config-file',
        '.swcrc',
        '--strip-leading-paths',
      ],
      { cwd: root, encoding: 'utf8' },
    );
    expect(compiled.status).toBe(0);
    expect(run('--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(run('list')).toMatchObject({ status: 3, stdout: '' });
    expect(run('setup')).toMatchObject({ status: 0, stderr: '' });
    expect(run('issue', '--service', 'veritas-worker', '--cert', 'worker.pem', '--key', 'worker.key').status).toBe(0);
    expect(run('verify', 'worker.pem', '--key', 'worker.key')).toMatchObject({ status: 0, stderr: '' });
    expect(run('revoke', '--cert', 'worker.pem').status).toBe(0);
    expect(run('verify', 'worker.pem')).toMatchObject({ status: 1 });
    expect(JSON.parse(run('list', '--status', 'revoked', '--json').stdout)).toHaveLength(1);
    expect(run('frobnicate').status).toBe(2);
    const full = openSync('/dev/full', 'w');
    const unwritten = spawnSync(process.execPath, [join(folder, 'bin/veritas.js'), 'list'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    });
    const asJson = spawnSync(process.execPath, [join(folder, 'bin/veritas.js'), 'list', '--json'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    expect([unwritten.status, unwritten.stderr]).toEqual([3, 'veritas: the result cannot be written (ENOSPC)\n']);
    expect([asJson.status, JSON.parse(asJson.stderr)]).toEqual([
      3,
      { error: { code: 'unusable', message: 'the result cannot be written (ENOSPC)', mend: null } },
    ]);
    // As while `npm start` compiles.
    renameSync(join(folder, 'dist/x509'), join(folder, 'dist/elsewhere'));
    expect(run('list')).toMatchObject({ status: 3, stderr: expect.stringContaining('the program is not whole') });
    renameSync(join(folder, 'dist/elsewhere'), join(folder, 'dist/x509'));
  }, 120_000);

  it.each(
    (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).flatMap((signal) => [
      { signal, more: [] },
      { signal, more: ['--new-key', 'next.key'] },
    ]),
  )('leaves no private key behind when $signal ends a renewal ($more)', async ({ signal, more }) => {
    const ca = TestCa.root();
    const { certificatePem, keyPem } = ca.issue({ names: [{ kind: 'dns', value: 'localhost' }] });
    const old = ca.issue({ commonName: 'orders' });
    const work = mkdtempSync(join(folder, 'renew-'));
    const files = { 'ca.pem': ca.certificatePem, 'a.pem': old.certificatePem, 'a.key': old.keyPem };
    for (const [name, contents] of Object.entries(files)) writeFileSync(join(work, name), contents, { mode: 0o600 });
    const before = readdirSync(work);
    // Takes the request and says nothing.
    const silent = createServer({ cert: certificatePem, key: keyPem }, () => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = `https://localhost:${(silent.address() as AddressInfo).port}`;
    const args = ['renew', '--cert', 'a.pem', '--key', 'a.key', '--ca', 'ca.pem', '--url', url, '--force', ...more];
    const child = spawn(process.execPath, [join(folder, 'dist/cli.js'), ...args], {
      cwd: work,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { PATH: process.env.PATH },
    });
    const ended = once(child, 'exit');
    await once(silent, 'request');
    // The new key is in memory only until its certificate is there.
    expect(readdirSync(work)).toEqual(before);
    child.kill(signal);
    expect(await ended).toEqual([null, signal]);
    expect(readdirSync(work)).toEqual(before);
    silent.closeAllConnections();
    silent.close();
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'leaves no key without a certificate when %s ends `issue`',
    async (signal) => {
      for (let round = 0; round < 5; round++) {
        const work = mkdtempSync(join(folder, 'issue-'));
        const args = ['issue', '--service', 'orders', '--cert', join(work, 'a.pem'), '--key', join(work, 'a.key')];
        const watcher = watch(work);
        const child = spawn(process.execPath, [join(folder, 'dist/cli.js'), ...args], { cwd: folder, stdio: 'ignore' });
        const ended = once(child, 'exit');
        do await once(watcher, 'change');
        while (!readdirSync(work).some((name) => name.includes('a.key')));
        child.kill(signal);
        await ended;
        watcher.close();
        // It may have been done before the signal came.
        expect([[], ['a.key', 'a.pem']]).toContainEqual(readdirSync(work).sort());
      }
    },
  );

  it('signs the list of a revocation though nobody reads the answer', async () => {
    expect(run('issue', '--service', 'unread', '--cert', 'unread.pem', '--key', 'unread.key').status).toBe(0);
    const child = spawn(process.execPath, [join(folder, 'dist/cli.js'), 'revoke', '--cert', 'unread.pem'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    const said = text(child.stderr);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await said).toMatch(/^Signed revocation list \d+ of issuing\.\n$/);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'says how far it came when %s ends the revocation of many, and goes on from there',
    async (signal) => {
      const path = join(folder, 'var/veritas.db');
      const { active } = fillStore(path, { revoked: 0, active: 10_000 });
      const store = new DatabaseSync(path, { readOnly: true });
      const revoked = (): number =>
        Number(
          store
            .prepare(`select count(*) as found from certificate where service = 'orders' and status = 'revoked'`)
            .get()?.found,
        );
      const before = revoked();
      const watcher = watch(join(folder, 'var'));
      const child = spawn(process.execPath, [join(folder, 'dist/cli.js'), 'revoke', '--service', 'orders'], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const [said, ended] = [text(child.stderr), once(child, 'exit')];
      do await once(watcher, 'change');
      while (revoked() < before + 2000);
      child.kill(signal);
      expect(await ended).toEqual([null, signal]);
      watcher.close();
      const [, told] =
        /^At least (\d+) certificates are revoked; the same command goes on with the rest\.\n$/.exec(await said) ?? [];
      const done = revoked() - before;
      expect(done).toBeLessThan(active.length);
      // What is committed while the signal comes is not counted yet.
      expect([0, 500]).toContain(done - Number(told));
      const rest = run('revoke', '--service', 'orders', '--json');
      expect([rest.status, JSON.parse(rest.stdout)]).toEqual([0, { revoked: active.length - done }]);
      store.close();
    },
  );

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('leaves nothing of a backup that %s ends', async (signal) => {
    const work = mkdtempSync(join(folder, 'backup-'));
    writeFileSync(join(folder, 'secret'), 'correct horse battery staple\n', { mode: 0o600 });
    const args = ['backup', '--passphrase-file', 'secret', '--out', join(work, 'veritas.age')];
    const watcher = watch(work);
    const child = spawn(process.execPath, [join(folder, 'dist/cli.js'), ...args], { cwd: folder, stdio: 'ignore' });
    const ended = once(child, 'exit');
    await once(watcher, 'change');
    child.kill(signal);
    expect(await ended).toEqual([null, signal]);
    watcher.close();
    expect(readdirSync(work)).toEqual([]);
  });

  it('goes on renewing though nobody reads what it says', async () => {
    const ca = TestCa.root();
    const { certificatePem, keyPem } = ca.issue({ names: [{ kind: 'dns', value: 'localhost' }] });
    const old = ca.issue({ notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 60_000) });
    const work = mkdtempSync(join(folder, 'unread-'));
    const files = { 'ca.pem': ca.certificatePem, 'a.pem': old.certificatePem, 'a.key': old.keyPem };
    for (const [name, contents] of Object.entries(files)) writeFileSync(join(work, name), contents, { mode: 0o600 });
    const busy = createServer({ cert: certificatePem, key: keyPem }, (_, response) => {
      response.writeHead(503).end();
    }).listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const url = `https://localhost:${(busy.address() as AddressInfo).port}`;
    const args = ['renew', '--daemon', '--cert', 'a.pem', '--key', 'a.key', '--ca', 'ca.pem', '--url', url, '--json'];
    const child = spawn(process.execPath, [join(folder, 'dist/cli.js'), ...args], {
      cwd: work,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH },
    });
    const ended = once(child, 'exit');
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
    // The first failure is told to nobody; ten seconds later at most comes the next try.
    for (let tries = 0; tries < 2; tries++) await Promise.race([once(busy, 'request'), ended.then(fail)]);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    busy.close();
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'with a Node.js that is too old, %s reaches the one that was chosen',
    async (signal) => {
      const ca = TestCa.root();
      const old = ca.issue({ commonName: 'orders' });
      const work = mkdtempSync(join(folder, 'daemon-'));
      const files = { 'ca.pem': ca.certificatePem, 'a.pem': old.certificatePem, 'a.key': old.keyPem };
      for (const [name, contents] of Object.entries(files)) writeFileSync(join(work, name), contents, { mode: 0o600 });
      const older = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } })";
      const preload = `data:text/javascript,if (!process.env.NODE_CHOSEN_BY_VERITAS) ${older}`;
      const args = ['renew', '--daemon', '--cert', 'a.pem', '--key', 'a.key', '--ca', 'ca.pem'];
      const child = spawn(process.execPath, ['--import', preload, join(folder, 'bin/veritas.js'), ...args], {
        cwd: work,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { PATH: process.env.PATH },
      });
      const said = createInterface(child.stderr);
      expect(await once(said, 'line')).toEqual([expect.stringContaining('The next renewal is due at')]);
      // The pipe closes once nobody has it any more, the chosen one neither.
      const closed = once(said, 'close');
      const ended = once(child, 'exit');
      child.kill(signal);
      expect(await ended).toEqual([0, null]);
      await closed;
    },
  );

  it.each(['24.20.9', '25.9.0', '26.7.0'])(
    'does not run on Node.js %s, on which the service does not start',
    (version) => {
      const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--import', `data:text/javascript,${older}`, join(folder, 'bin/veritas.js'), '--version'],
        { encoding: 'utf8', env: { PATH: process.env.PATH, NODE_CHOSEN_BY_VERITAS: '1' } },
      );
      expect([status, stdout, stderr]).toEqual([
        3,
        '',
        `veritas: Node.js ${version} is not supported; Veritas needs 24.21 or a later 24.x, or 26.8 or later: install Node.js 24 LTS\n`,
      ]);
    },
  );

  // Issues one certificate after the other, and says of each that the caller has it.
  const driver = `
    import { generateKeyPairSync } from 'node:crypto';
    import { openStore } from './dist/store/index.js';
    import { openCertificationAuthority, requestFor } from './dist/pki/index.js';
    const store = await openStore({ path: 'var/veritas.db' });
    const settings = { directory: 'certs/ca', passphraseFile: 'certs/ca/passphrase', organization: 'VERITAS Framework',
      crlLifetime: 86400, crlOverlap: 43200, publicationUrl: 'http://localhost:5080', serviceLifetime: 86400, backdate: 60 };
    const { ca, audit } = await openCertificationAuthority({ settings, store });
    if (process.argv[2] === 'check') {
      console.log(JSON.stringify(await audit.verify()));
      process.exit(0);
    }
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (;;) {
      const { certificate } = await ca.issue({ request: requestFor(privateKey, 'orders'), requester: { actor: 'driver', requestId: '1' } });
      process.stdout.write(certificate.serialNumber + '\\n');
    }`;

  it('has stored whatever it handed out, when it is killed in between', async () => {
    writeFileSync(join(folder, 'driver.mjs'), driver);
    const handedOut: string[] = [];
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, ['driver.mjs'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
      let seen = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        handedOut.push(line);
        if (++seen === 5 + round) child.kill('SIGKILL');
      }
    }
    const rows = JSON.parse(run('list', '--service', 'orders', '--json').stdout) as { serial_number: string }[];
    const stored = new Set(rows.map((row) => row.serial_number));
    expect(new Set(handedOut).size).toBe(handedOut.length);
    expect(handedOut.length).toBeGreaterThanOrEqual(26);
    expect(handedOut.filter((serial) => !stored.has(serial))).toEqual([]);
    const check = spawnSync(process.execPath, ['driver.mjs', 'check'], { cwd: folder, encoding: 'utf8' });
    expect(JSON.parse(check.stdout)).toMatchObject({ ok: true });
  }, 120_000);
});
