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
  const mend = propertyOf(error, 'mend');
  const text = messageOf(error);
  return { text: typeof mend === 'string' ? `${text}: ${mend}` : text, exitCode: exitCodeOf(error) };
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  const message = propertyOf(error, 'message');
  return typeof message === 'string' ? message : 'something failed without saying what';
}

/** The short reason of a failed call to the system, such as ENOENT. */
export function systemReasonOf(error: unknown): string {
  const code = propertyOf(error, 'code');
  return typeof code === 'string' ? code : 'unknown reason';
}

function exitCodeOf(error: unknown): ExitCodeValue {
  if (error instanceof CommandError) return error.exitCode;
  // PkiError: what the requester can mend is a refusal, the rest is ours.
  const status = propertyOf(error, 'status');
  return typeof status === 'number' && status < 500 ? ExitCode.refused : ExitCode.unusable;
}

function propertyOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && key in value
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
