/** One problem in the configuration. It contains no secret and nothing but printable ASCII. */
export interface ConfigurationProblem {
  /** The setting, such as `tls.minVersion` or `mtls.services[2]`. When the problem is not in a setting: the name of the file or of the variable. */
  readonly path: string;
  /** Where the value was written: `config/veritas.yaml:3` or `VERITAS_TLS_MIN_VERSION`. Absent for a default. */
  readonly source?: string;
  /** What is wrong when it is not the value itself, such as "is not a setting". */
  readonly problem?: string;
  /** The value as it was written, shortened; `(hidden)` for a secret. */
  readonly seen?: string;
  /** What is allowed instead. */
  readonly allowed?: string;
  /** The key that was probably meant. */
  readonly meant?: string;
}

/** The configuration cannot be used. The message has a line for each problem. */
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

/**
 * Describes a value to a person: a scalar as JSON, shortened to 80 characters and without the user and password of a URL; a list or an object only by
 * its kind.
 */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const written = JSON.stringify(value).replaceAll(/\/\/[^/\s]*@/g, '//(hidden)@');
  return printable(written.length > 80 ? `${written.slice(0, 79)}..."` : written);
}

/** Writes every character outside printable ASCII as an escape, because control and bidirectional characters could forge or hide a line. */
export function printable(text: string): string {
  const shortened = text.length > 100 ? `${text.slice(0, 100)}...` : text;
  return shortened.replaceAll(/[^\x20-\x7e]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
