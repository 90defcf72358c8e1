/** `refused`: the service, or the state of the files, forbids it. `unusable`: something cannot be reached, trusted, read or written. */
export type RenewalErrorCode = 'refused' | 'unusable';

/** A certificate was not renewed, and nothing was replaced. The message is one sentence, which may repeat words of the service as they came. */
export class RenewalError extends Error {
  override readonly name = 'RenewalError';
  /** What to do, where the message does not say it. */
  readonly mend: string | undefined;
  /** How many seconds the service asks to wait (RFC 9110 §10.2.3). */
  readonly retryAfter: number | undefined;
  /** The code of the service's problem document. */
  readonly problem: string | undefined;

  constructor(
    readonly code: RenewalErrorCode,
    message: string,
    {
      mend,
      retryAfter,
      problem,
      cause,
    }: {
      readonly mend?: string;
      readonly retryAfter?: number | undefined;
      readonly problem?: string;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause });
    this.mend = mend;
    this.retryAfter = retryAfter;
    this.problem = problem;
  }
}

/** The short reason of a failed system call, such as ENOENT. */
export function reasonOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown reason';
}
