import { CommanderError } from 'commander';
import { ExitCode, type ExitCodeValue } from './exit-code.js';

/** Ends a command: one sentence for a person, and what to do. */
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

/** An error in the form in which the command line reports it. */
export interface ErrorDescription {
  /** The code in docs/errors.md, where there is one; else `refused`, `usage` or `unusable`, according to the exit code. */
  readonly code: string;
  readonly message: string;
  /** What to do; null where the message already says it. */
  readonly mend: string | null;
  /** Message and mend, for a person. */
  readonly text: string;
  readonly exitCode: ExitCodeValue;
}

/** What stderr says about any error, and the exit code. Never a stack trace. */
export function describeError(error: unknown): ErrorDescription {
  const given = propertyOf(error, 'mend');
  const mend = typeof given === 'string' ? given : null;
  const message = error instanceof CommanderError ? error.message.replace(/^error: /, '') : messageOf(error);
  const exitCode = exitCodeOf(error);
  return {
    code: codeOf(error, exitCode),
    message,
    mend,
    text: mend === null ? message : `${message}: ${mend}`,
    exitCode,
  };
}

/** Our own codes are in lower case. Those of the system, such as ENOENT, and of commander tell a script nothing. */
function codeOf(error: unknown, exitCode: ExitCodeValue): string {
  const code = propertyOf(error, 'code');
  if (typeof code === 'string' && /^[a-z]+(?:_[a-z]+)*$/.test(code)) return code;
  return Object.entries(ExitCode).find(([, value]) => value === exitCode)?.[0] ?? 'unusable';
}

/** Whether the code is in docs/errors.md; the others only repeat the exit code. */
export const isDocumentedCode = (code: string): boolean => !Object.hasOwn(ExitCode, code);

/** The message of whatever was thrown. An error for several addresses of a host has no message, only a code. */
export function messageOf(error: unknown): string {
  const said = [propertyOf(error, 'message'), propertyOf(error, 'code')];
  return (
    said.find((text): text is string => typeof text === 'string' && text !== '') ??
    'something failed without saying what'
  );
}

/**
 * As {@link messageOf}, for network errors: the cause of what `fetch` throws, which itself says no more than that it failed; and OpenSSL's `reason`,
 * because its message names a line of its sources.
 */
export function networkReasonOf(error: unknown): string {
  const cause = propertyOf(error, 'cause') ?? error;
  const reason = propertyOf(cause, 'reason');
  return typeof reason === 'string' ? reason : messageOf(cause);
}

/** The short reason of a failed system call, such as ENOENT. */
export function systemReasonOf(error: unknown): string {
  const code = propertyOf(error, 'code');
  return typeof code === 'string' ? code : 'unknown reason';
}

function exitCodeOf(error: unknown): ExitCodeValue {
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof CommanderError) return ExitCode.usage;
  // PkiError: below 500 the requester can mend it, so it is a refusal; otherwise the fault is ours.
  const status = propertyOf(error, 'status');
  return typeof status === 'number' && status < 500 ? ExitCode.refused : ExitCode.unusable;
}

function propertyOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && key in value
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
