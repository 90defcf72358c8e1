import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/support/folder.js';
import { removeLeftovers } from '../../files/index.js';
import { createPrivateFile, ensurePrivateFolder, replaceFile, replaceFileIfChanged } from './atomic-file.js';

describe('files that are whole or not there', () => {
  let folder: string;
  const path = (name: string): string => join(folder, name);
  const modeOf = (name: string): number => statSync(path(name)).mode & 0o777;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('replaces a file, and leaves nothing else behind', () => {
    replaceFile(path('a.pem'), 'one', 0o644);
    replaceFile(path('a.pem'), Buffer.from('two'), 0o600);
    expect(readFileSync(path('a.pem'), 'utf8')).toBe('two');
    expect(modeOf('a.pem')).toBe(0o600);
    expect(replaceFileIfChanged(path('a.pem'), 'two', 0o600)).toBe(false);
    expect(replaceFileIfChanged(path('a.pem'), 'three', 0o600)).toBe(true);
    expect(readdirSync(folder)).toEqual(['a.pem']);
  });

  it('keeps the old octets when the new ones cannot be put in place', () => {
    mkdirSync(path('a.pem'));
    expect(() => {
      replaceFile(path('a.pem'), 'one', 0o644);
    }).toThrow();
    expect(readdirSync(folder)).toEqual(['a.pem']);
    expect(() => createPrivateFile(path('missing/a.key'), 'x')).toThrow();
  });

  it('makes a file once, whatever is asked for the second time', () => {
    expect(createPrivateFile(path('a.key'), 'one')).toBe(true);
    expect(createPrivateFile(path('a.key'), 'two')).toBe(false);
    expect(readFileSync(path('a.key'), 'utf8')).toBe('one');
    expect(modeOf('a.key')).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['a.key']);
  });

  it('takes away what was left a minute ago or longer, though the clock was set back since', async () => {
    for (const [index, offset] of [-61_000, 3_600_000, 0].entries()) {
      const time = new Date(Date.now() + offset);
      writeFileSync(path(`.a.key.00000000000${index}.tmp`), 'half a key');
      utimesSync(path(`.a.key.00000000000${index}.tmp`), time, time);
    }
    await removeLeftovers(folder);
    expect(readdirSync(folder)).toEqual(['.a.key.000000000002.tmp']);
  });

  it("closes a folder of ours, and leaves somebody else's as it is", () => {
    ensurePrivateFolder(path('made/ca'));
    expect(modeOf('made/ca')).toBe(0o700);
    mkdirSync(path('certs'));
    writeFileSync(path('certs/README.md'), '');
    chmodSync(path('certs'), 0o755);
    ensurePrivateFolder(path('certs'));
    expect(modeOf('certs')).toBe(0o700);
    mkdirSync(path('etc'));
    writeFileSync(path('etc/hosts'), '');
    chmodSync(path('etc'), 0o755);
    ensurePrivateFolder(path('etc'));
    expect(modeOf('etc')).toBe(0o755);
  });
});
