import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { reasonOf, RenewalError } from './renewal-error.js';

// The lock is held while nothing is waited for. An older one was left by a process that ended.
const STALE_MS = 60_000;

/**
 * Keeps every other process from replacing the pair of `keyFile`, until the returned function is called: of two that replace it at once, the key of
 * one may come to lie beside the certificate of the other. Throws {@link RenewalError} when another process is at it.
 */
export function lockPair(keyFile: string): () => void {
  const path = join(dirname(keyFile), `.${basename(keyFile)}.lock`);
  try {
    const left = statSync(path, { throwIfNoEntry: false });
    if (left && Math.abs(Date.now() - left.mtimeMs) > STALE_MS) rmSync(path, { force: true });
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    throw reasonOf(error) === 'EEXIST'
      ? new RenewalError('unusable', `${keyFile} is being replaced by another renewal`, {
          mend: 'nothing was replaced; let one renewal run at a time',
        })
      : new RenewalError('unusable', `${path} cannot be written (${reasonOf(error)})`, {
          mend: 'look at its folder and its permissions',
          cause: error,
        });
  }
  return () => {
    rmSync(path, { force: true });
  };
}
