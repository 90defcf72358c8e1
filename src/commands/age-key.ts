import { CommandError, messageOf } from './command-error.js';
import { ExitCode, type ExitCodeValue } from './exit-code.js';
import { readOwnersFile } from './files.js';

/** One of two flags: that of the passphrase, or the other. Throws CommandError when it is none or both. */
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

/** The text of a file that only its owner may read, without the white space around it. Throws PkiError, and CommandError when it is empty. */
export function readSecretText(path: string): string {
  const octets = readOwnersFile(path);
  const text = octets.toString('utf8').trim();
  octets.fill(0);
  if (text === '') throw new CommandError(`${path} is empty`, ExitCode.unusable, 'put the secret into it');
  return text;
}

/** Does what throws RangeError on a recipient, which is a flag, or on the file of an identity that is none. */
export async function withAgeKey<T>(exitCode: ExitCodeValue, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CommandError(messageOf(error), exitCode, 'make one with `age-keygen`');
  }
}
