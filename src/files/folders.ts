import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes the folder `path` and those above it where they are missing, and gives those that it made, the uppermost first. Throws what the file system
 * throws. By hand, since `recursive` of Node.js 24 goes on for ever where a folder that is there answers ENOENT, as in /proc and under autofs.
 */
export function makeFolders(path: string, mode: number): readonly string[] {
  if (isFolder(path)) return [];
  const folder = resolve(path);
  const missing = [folder];
  for (let above = dirname(folder); !isThere(above); above = dirname(above)) missing.unshift(above);
  return missing.filter((each) => make(each, mode));
}

function make(path: string, mode: number): boolean {
  try {
    mkdirSync(path, mode);
    return true;
  } catch (error) {
    // Somebody else made it meanwhile.
    if (isFolder(path)) return false;
    throw error;
  }
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
