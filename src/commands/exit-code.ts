/** What the command line exits with; every `--help` ends with this list. */
export const ExitCode = {
  /** Done. */
  ok: 0,
  /** Refused, or a check failed: what was asked for is not possible. */
  refused: 1,
  /** The command was not understood. */
  usage: 2,
  /** Configuration, store, keys, files or a service cannot be used. */
  unusable: 3,
} as const;

export type ExitCodeValue = (typeof ExitCode)[keyof typeof ExitCode];
