import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from '@jest/globals';
import { compileProgram } from '../support/compiled-program.js';
import { temporaryFolder } from '../support/folder.js';

const KILLS = Number(process.env.VERITAS_KILLS ?? 20);
const folder = temporaryFolder();
const path = join(folder, 'veritas.db');

beforeAll(() => {
  // Rows of 256 KiB: a checkpoint after every sixty.
  writeFileSync(
    join(folder, 'writes.mjs'),
    `import { openStore } from './dist/store/index.js';
     const store = await openStore({ path: 'veritas.db' });
     const der = new Uint8Array(262_144).fill(7);
     for (let i = Number(process.argv[2]); ; i++) {
       const id = 'issuer-' + i;
       await store.transaction((transaction) =>
         transaction.insertInto('issuer').values({ id, role: 'root', parent: id, der, created_at: i, state: 'retired' }).execute());
       // A pipe that is not read for long is full: what is told is told before the next is written.
       await new Promise((resolve) => process.stdout.write(i + '\\n', resolve));
     }`,
  );
  compileProgram(folder);
}, 60_000);

test(
  `a process that is killed ${KILLS} times amid commits and checkpoints loses nothing that it said is durable`,
  async () => {
    let [next, checkpoints] = [0, 0];
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(process.execPath, ['--no-warnings', 'writes.mjs', String(next)], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'close');
      const begun = Promise.withResolvers<undefined>();
      let told = next - 1;
      createInterface({ input: child.stdout }).on('line', (line) => {
        told = Number(line);
        begun.resolve(undefined);
      });
      await begun.promise;
      const before = statSync(path).size;
      await delay(Math.random() * 700);
      child.kill('SIGKILL');
      expect(await ended).toEqual([null, 'SIGKILL']);
      // Nothing else makes the file grow.
      if (statSync(path).size > before) checkpoints++;
      const sqlite = new DatabaseSync(path);
      expect(sqlite.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' });
      const row = sqlite.prepare('select count(*) as count, max(created_at) as last from issuer').get();
      sqlite.close();
      const last = Number(row?.last);
      // What was being committed may be there, untold.
      expect([told, told + 1]).toContain(last);
      expect(row?.count).toBe(last + 1);
      next = last + 1;
    }
    expect(checkpoints).toBeGreaterThan(0);
  },
  KILLS * 10_000,
);
