import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startService } from '../../src/service.js';
import { configurationIn } from './configuration.js';

/** Makes a folder with development material, by a first start of the service with the settings `more`; removed when the process ends. */
export async function materialFolder(more: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'veritas-bench-'));
  process.on('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  // What it logs would stand among the figures.
  await (await startService(configurationIn(folder, '0', { ...more, VERITAS_LOG_LEVEL: 'silent' }))).close();
  return folder;
}
