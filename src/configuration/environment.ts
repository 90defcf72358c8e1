import { type ConfigurationProblem, printable } from './configuration-error.js';
import { nearMiss } from './near-miss.js';
import type { Setting } from './outline.js';

/** Variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variable that names the YAML file. It is not a setting. */
export const fileVariable = 'VERITAS_CONFIG';

/** A setting that comes from the environment. Its value has the type that the schema asks for, but has not been validated. */
export interface Override {
  readonly setting: Setting;
  readonly variable: string;
  readonly value: unknown;
}

/**
 * Reads the `VERITAS_…` variables: numbers, `true` and `false`, lists separated by commas (an empty string is the empty list), and lists of objects as
 * JSON. A secret is represented by the name of its file. A text that cannot be read as the type of its setting stays a string, and the schema refuses it.
 */
export function readEnvironment(
  environment: Environment,
  settings: readonly Setting[],
): { readonly overrides: readonly Override[]; readonly problems: readonly ConfigurationProblem[] } {
  const byVariable = new Map(settings.map((setting) => [setting.variable, setting]));
  const secretNames = new Map(
    settings.filter(({ secret }) => secret).map((each) => [each.variable.replace(/_FILE$/, ''), each]),
  );
  const overrides: Override[] = [];
  const problems: ConfigurationProblem[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('VERITAS_') || variable === fileVariable || text === undefined) continue;
    if (isServiceLink(variable, text)) continue;
    const setting = byVariable.get(variable);
    const secret = secretNames.get(variable);
    if (setting !== undefined) {
      overrides.push({ setting, variable, value: valueOf(text, setting) });
    } else if (secret !== undefined) {
      problems.push({
        path: secret.key,
        source: variable,
        seen: '(hidden)',
        allowed: `the path of a file that holds it, in ${secret.variable}`,
      });
    } else {
      const meant = nearMiss(
        variable.slice('VERITAS_'.length),
        [...byVariable.keys()].map((each) => each.slice('VERITAS_'.length)),
      );
      problems.push({
        path: printable(variable),
        problem: 'is not a setting',
        ...(meant === undefined ? {} : { meant: `VERITAS_${meant}` }),
      });
    }
  }
  return { overrides, problems };
}

function valueOf(text: string, { kind }: Setting): unknown {
  switch (kind) {
    case 'number':
      return /^-?\d{1,15}(?:\.\d{1,15})?$/.test(text) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'list':
      return text.trim() === '' ? [] : text.split(',').map((item) => item.trim());
    case 'objects':
      return jsonOf(text);
    case 'duration':
    case 'text':
      return text;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/**
 * Whether a variable comes from Kubernetes, which sets variables in each pod for each Service of the namespace. Those for a Service called `veritas` or
 * `veritas-…` begin like ours: for `veritas-http` one of them is `VERITAS_HTTP_PORT`. Name and value together tell them apart (kubernetes.io, "Accessing
 * the Service", environment variables).
 */
function isServiceLink(variable: string, text: string): boolean {
  if (variable.endsWith('_SERVICE_HOST')) return /^[\d.]+$|^[\da-f:]*:[\da-f:]*$/i.test(text);
  if (/_SERVICE_PORT(?:_[A-Z0-9_]+)?$/.test(variable)) return /^\d+$/.test(text);
  if (/_PORT_\d+_(?:TCP|UDP|SCTP)_(?:PROTO|PORT|ADDR)$/.test(variable)) return true;
  return /_PORT(?:_\d+_(?:TCP|UDP|SCTP))?$/.test(variable) && /^(?:tcp|udp|sctp):\/\//.test(text);
}
