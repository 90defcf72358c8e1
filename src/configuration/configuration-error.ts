/** One thing that is wrong with the configuration. Holds no secret, and only printable ASCII. */
export interface ConfigurationProblem {
  /** `tls.minVersion`, `mtls.services[2]`, or the name of the file or the variable when no setting is concerned. */
  readonly path: string;
  /** Where it was said: `config/veritas.yaml:3` or `VERITAS_TLS_MIN_VERSION`; absent for a default. */
  readonly source?: string;
  /** What is wrong, where it is not the value: "is not a setting". */
  readonly problem?: string;
  /** The value as it was written, shortened; `(hidden)` for a secret. */
  readonly seen?: string;
  /** What may stand there. */
  readonly allowed?: string;
  /** The key that was probably meant. */
  readonly meant?: string;
}

/** The configuration cannot be used: every problem in it, each on a line of the message. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly code = 'configuration_invalid';

  constructor(readonly problems: readonly ConfigurationProblem[]) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super([`The configuration has ${count}:`, ...problems.map(lineOf)].join('\n'));
  }
}

function lineOf({ path, source, problem, seen, allowed, meant }: ConfigurationProblem): string {
  const parts = [
    problem,
    seen === undefined ? undefined : `saw ${seen}`,
    allowed === undefined ? undefined : `allowed is ${allowed}`,
    meant === undefined ? undefined : `did you mean ${meant}?`,
  ];
  const where = source === undefined || source === path ? path : `${path} (${source})`;
  return `- ${where}: ${parts.filter((part) => part !== undefined).join('; ')}`;
}

/** `value` for a person: scalars as JSON, shortened to 80 characters, without a URL's user and password; what is larger by its kind. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const written = JSON.stringify(value).replaceAll(/\/\/[^/\s]*@/g, '//(hidden)@');
  return printable(written.length > 80 ? `${written.slice(0, 79)}..."` : written);
}

/** `text` with all that could forge or hide a line (control, bidirectional and other characters outside ASCII) written as an escape. */
export function printable(text: string): string {
  const shortened = text.length > 100 ? `${text.slice(0, 100)}...` : text;
  return shortened.replaceAll(/[^\x20-\x7e]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
