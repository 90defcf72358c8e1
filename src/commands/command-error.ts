import { types } from 'node:util';
import { ExitCode, type ExitCodeValue } from './exit-code.js';

/** A command ends here: one sentence for a person, and what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    message: string,
    readonly exitCode: ExitCodeValue = ExitCode.refused,
    readonly mend?: string,
  ) {
    super(message);
  }
}

/** What the line on stderr says of any error, and the exit code. Never a stack. */
export function describeError(error: unknown): { readonly text: string; readonly exitCode: ExitCodeValue } {
  if (!types.isNativeError(error)) return { text: 'something failed without saying what', exitCode: ExitCode.unusable };
  const mend = 'mend' in error && typeof error.mend === 'string' ? error.mend : undefined;
  const text = mend === undefined ? error.message : `${error.message}: ${mend}`;
  return { text, exitCode: exitCodeOf(error) };
}

function exitCodeOf(error: Error): ExitCodeValue {
  if (error instanceof CommandError) return error.exitCode;
  // PkiError: what the requester can mend is a refusal, the rest is ours.
  if ('status' in error && typeof error.status === 'number' && error.status < 500) return ExitCode.refused;
  return ExitCode.unusable;
}
