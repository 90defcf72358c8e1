import { CommandError, messageOf } from './command-error.js';
import { ExitCode, type ExitCodeValue } from './exit-code.js';
import { readOwnersFile } from './files.js';

/** The key for a backup: the passphrase in a file, or what the other flag gave. Throws CommandError unless exactly one of the two is given. */
export function ageKeyFrom<T>(
  passphraseFile: string | undefined,
  other: { readonly flag: string; readonly key: T | undefined },
): { readonly passphrase: string } | T {
  if ((passphraseFile === undefined) === (other.key === undefined))
    throw new CommandError(
      `the backup needs either --passphrase-file or ${other.flag}`,
      ExitCode.usage,
      'give one of the two',
    );
  return passphraseFile === undefined ? (other.key as T) : { passphrase: readSecretText(passphraseFile) };
}

/** The text of a file that only its owner may read, without the white space around it. Throws PkiError, and CommandError when the file is empty. */
export function readSecretText(path: string): string {
  const octets = readOwnersFile(path);
  const text = octets.toString('utf8').trim();
  octets.fill(0);
  if (text === '') throw new CommandError(`${path} is empty`, ExitCode.unusable, 'put the secret into it');
  return text;
}

/** Runs `work`, and turns the RangeError of a malformed recipient (a flag) or identity (a file) into a CommandError. */
export async function withAgeKey<T>(exitCode: ExitCodeValue, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CommandError(messageOf(error), exitCode, 'make one with `age-keygen`');
  }
}
