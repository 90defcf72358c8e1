import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { canBeTimed, timed, type Taken } from './timed.js';

/** Go's lists, in programs that were built here. */
export interface GoCrl {
  /** As `go version` says it. */
  readonly version: string;
  /** Signs the revocations of the index that OpenSSL has in `folder`, by a CA of its own. */
  readonly write: (folder: string) => Taken;
  /** Reads, verifies and indexes a list. */
  readonly read: (folder: string, list: string, certificate: string) => Taken;
}

/** Builds `crl.go` into `folder`; undefined where Go or GNU time are not installed. */
export function goCrl(folder: string): GoCrl | undefined {
  const { status, stdout } = spawnSync('go', ['version'], { encoding: 'utf8' });
  if (status !== 0 || !canBeTimed()) return undefined;
  const program = join(folder, 'crl');
  // The benchmarks run in the project's folder.
  execFileSync('go', ['build', '-o', program, 'bench/support/crl.go'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, GOCACHE: join(folder, 'go-cache'), GOFLAGS: '-mod=mod', GO111MODULE: 'off' },
  });
  return {
    version: /go version (\S+)/.exec(stdout)?.[1] ?? 'Go',
    write: (cwd) => timed(program, ['write', 'index.txt', 'go.crl'], cwd),
    read: (cwd, list, certificate) => timed(program, ['read', list, certificate], cwd),
  };
}
