import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve('.');

describe('the veritas program, as a process', () => {
  let folder: string;
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'bin/veritas.js'), ...args], {
      cwd: folder,
      encoding: 'utf8',
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
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
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
  }, 120_000);
});
