import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const TEMPORARY = /^\.(.+)\.[0-9a-f]{12}\.tmp$/;
/** No write takes so long, in milliseconds. */
const LEFT_AFTER = 60_000;

/** Of either sign: the clock may have been set back since. */
const isLeft = ({ mtimeMs }: { readonly mtimeMs: number }): boolean => Math.abs(Date.now() - mtimeMs) > LEFT_AFTER;

/** Takes away what a process that was killed amid a write left in a folder a minute ago or longer: it may be half a key. Never throws. */
export async function removeLeftovers(folder: string): Promise<void> {
  try {
    for (const name of (await readdir(folder)).filter((each) => TEMPORARY.test(each))) {
      const path = join(folder, name);
      if (isLeft(await stat(path))) await rm(path, { force: true });
    }
  } catch {
    // No folder, or one for reading only: whoever writes there will hear of it.
  }
}

/** The same of what was left of one file, beside it. */
export function removeLeftoversOf(path: string): void {
  const folder = dirname(path);
  try {
    for (const name of readdirSync(folder)) {
      const left = join(folder, name);
      if (TEMPORARY.exec(name)?.[1] === basename(path) && isLeft(lstatSync(left))) rmSync(left);
    }
  } catch {
    // A folder that is not ours, perhaps.
  }
}
