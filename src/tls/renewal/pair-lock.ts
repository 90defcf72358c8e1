import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { reasonOf, RenewalError } from './renewal-error.js';

// The lock is held while nothing is waited for. An older one was left by a process that ended.
const STALE_MS = 60_000;

/**
 * Keeps every other process from replacing the pair of `certificateFile`, until the returned function is called: of two that replace it at once, the key of
 * one may come to lie beside the certificate of the other. Throws {@link RenewalError} when another process is at it. The lock lies beside the certificate,
 * which is replaced in any case: the folder of the key may be for reading only, where the next key goes elsewhere.
 */
export function lockPair(certificateFile: string): () => void {
  const path = join(dirname(certificateFile), `.${basename(certificateFile)}.lock`);
  try {
    return take(path);
  } catch (error) {
    throw reasonOf(error) === 'EEXIST'
      ? new RenewalError('unusable', `${certificateFile} is being replaced by another renewal`, {
          mend: 'nothing was replaced; let one renewal run at a time, or run it again a minute after one that was killed',
        })
      : new RenewalError('unusable', `${path} cannot be written (${reasonOf(error)})`, {
          mend: 'look at its folder and its permissions',
          cause: error,
        });
  }
}

/** Throws EEXIST while another process has it. */
function take(path: string): () => void {
  if (isStale(path)) {
    // Of two that have found it stale, the second would take away what the first has taken: so that is done by one at a time, who looks once more.
    const release = take(`${path}.stale`);
    try {
      if (isStale(path)) rmSync(path, { force: true });
    } finally {
      release();
    }
  }
  closeSync(openSync(path, 'wx', 0o600));
  return () => {
    rmSync(path, { force: true });
  };
}

function isStale(path: string): boolean {
  const left = statSync(path, { throwIfNoEntry: false });
  return left !== undefined && Math.abs(Date.now() - left.mtimeMs) > STALE_MS;
}
