import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { compileSources } from '../compiled-program.js';
import type { Acknowledged } from './operations.js';
import type { Job } from './worker.js';

type Line = Acknowledged | { readonly kind: 'ready' } | { readonly kind: 'done'; readonly steps: number };

/** What became of a process: everything it had acknowledged, and the number of its steps when it came to its end. */
export interface Ended {
  readonly acknowledged: readonly Acknowledged[];
  readonly killed: boolean;
  readonly steps: number | undefined;
}

/** The rig compiled with the program that it kills, in a folder that has to outlive the last of its processes. */
export class CompiledWorker {
  readonly #folder = mkdtempSync(join(tmpdir(), 'veritas-kill-rig-'));
  readonly file = join(this.#folder, 'test/support/kill-rig/worker.js');

  constructor() {
    compileSources(this.#folder, 'test/support/kill-rig');
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/** Processes to be killed. The next one is started while the last is looked at, because starting takes longer than most of what is killed. */
export class Workers {
  readonly #file: string;
  #spare: WorkerProcess | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  async next(): Promise<WorkerProcess> {
    const worker = this.#spare ?? new WorkerProcess(this.#file);
    await worker.ready;
    this.#spare = new WorkerProcess(this.#file);
    return worker;
  }

  async end(): Promise<void> {
    await this.#spare?.kill();
  }
}

/** One process, for one job. */
export class WorkerProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Line[] = [];
  readonly #ended: Promise<unknown[]>;
  readonly #begun = Promise.withResolvers<undefined>();
  readonly #done = Promise.withResolvers<undefined>();
  readonly ready: Promise<unknown>;

  constructor(file: string) {
    this.#child = spawn(process.execPath, ['--no-warnings', file], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH },
    });
    const ready = Promise.withResolvers<undefined>();
    this.ready = ready.promise;
    createInterface({ input: this.#child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      this.#lines.push(line);
      if (line.kind === 'ready') ready.resolve(undefined);
      else this.#begun.resolve(undefined);
      if (line.kind === 'done') this.#done.resolve(undefined);
    });
    // `close`, not `exit`: what it said before it was killed is still in the pipe.
    this.#ended = once(this.#child, 'close');
  }

  /** Works until it ends itself at a step, or is done. */
  async runTo(job: Job): Promise<Ended> {
    this.#child.stdin.write(`${JSON.stringify(job)}\n`);
    await Promise.race([this.#done.promise, this.#ended]);
    return this.kill();
  }

  /** Works for so many milliseconds, counted from its first acknowledgement where that is `amidWork`. */
  async runFor(
    job: Job,
    { milliseconds, amidWork }: { readonly milliseconds: number; readonly amidWork: boolean },
  ): Promise<Ended> {
    this.#child.stdin.write(`${JSON.stringify(job)}\n`);
    if (amidWork) await Promise.race([this.#begun.promise, this.#ended]);
    await Promise.race([delay(milliseconds), this.#ended]);
    return this.kill();
  }

  async kill(): Promise<Ended> {
    this.#child.kill('SIGKILL');
    // Whatever it did of itself is a failure of the rig: only SIGKILL ends it.
    expect(await this.#ended).toEqual([null, 'SIGKILL']);
    const done = this.#lines.find((line) => line.kind === 'done');
    return {
      acknowledged: this.#lines.filter((line): line is Acknowledged => line.kind !== 'ready' && line.kind !== 'done'),
      killed: done === undefined,
      steps: done?.steps,
    };
  }
}
