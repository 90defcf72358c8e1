import type * as z from 'zod';
import { type ConfigurationProblem, printable, shown } from './configuration-error.js';
import { nearMiss } from './near-miss.js';
import { isSecret, keysOf, schemaAt, settingsOf } from './outline.js';
import { settingFacts } from './setting.js';

/** What the problems are about: the schema, the value that it was given, and where each part of the value was written. */
export interface Given {
  readonly schema: z.core.$ZodType;
  readonly value: unknown;
  sourceOf(path: readonly PropertyKey[]): string | undefined;
}

/** Describes zod's issues: one problem for each place, and one for each unknown key. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], given: Given): readonly ConfigurationProblem[] {
  const problems = new Map<string, ConfigurationProblem>();
  for (const issue of issues) {
    const found =
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownKey([...issue.path, key], given))
        : [badValue(issue, given)];
    for (const problem of found) problems.set(problem.path, problem);
  }
  return [...problems.values()];
}

/** The problem with a key that is not a setting. Its value is never shown, because it may be a secret whose name is misspelt. */
function unknownKey(path: readonly PropertyKey[], given: Given): ConfigurationProblem {
  const parent = path.slice(0, -1);
  const written = String(path.at(-1));
  const parentSchema = schemaAt(given.schema, parent);
  const sibling = parentSchema === undefined ? undefined : nearestKey(written, parentSchema);
  // The key may be that of a setting in another place, such as `minVersion` at the top or below `http`.
  const elsewhere = () => settingsOf(given.schema).find(({ path: other }) => other.at(-1) === written)?.key;
  const meant = sibling === undefined ? elsewhere() : keyOf([...parent, sibling]);
  return {
    path: keyOf(path),
    ...sourced(path, given),
    problem: 'is not a setting',
    ...(meant === undefined ? {} : { meant }),
  };
}

/** The key of `schema` that `written` most likely means. For a secret it is the key that names its file, even when the secret itself was written. */
function nearestKey(written: string, schema: z.core.$ZodType): string | undefined {
  const keys = keysOf(schema);
  const meant = nearMiss(written, [...keys, ...keys.map((key) => key.replace(/File$/, ''))]);
  return meant === undefined || keys.includes(meant) ? meant : `${meant}File`;
}

function badValue(issue: z.core.$ZodIssue, given: Given): ConfigurationProblem {
  if (issue.path.length === 0) return noMap(given);
  const schema = schemaAt(given.schema, issue.path);
  const key = keyOf(issue.path);
  const written = valueAt(given.value, issue.path);
  const fallback = settingsOf(given.schema).find((setting) => setting.key === key)?.fallback;
  const seen = written === undefined && fallback !== undefined ? `${shown(fallback)}, the default` : shown(written);
  const allowed = schema === undefined ? undefined : (settingFacts.get(schema)?.allowed ?? mapOf(keysOf(schema)));
  return {
    path: key,
    // A missing setting is reported where the object is written that lacks it.
    ...sourced(written === undefined && fallback === undefined ? issue.path.slice(0, -1) : issue.path, given),
    seen: schema !== undefined && isSecret(schema) ? '(hidden)' : seen,
    allowed: issue.code === 'custom' ? issue.message : (allowed ?? issue.message),
  };
}

/** The problem with a whole file that is no map. Nothing of it is shown, because another file may have been named, such as a passphrase's. */
const noMap = (given: Given): ConfigurationProblem => ({
  path: given.sourceOf([]) ?? 'the configuration',
  problem: 'is not a map',
  allowed: mapOf(keysOf(given.schema)) ?? 'a map',
});

const mapOf = (keys: readonly string[]) => (keys.length === 0 ? undefined : `a map of ${keys.join(', ')}`);

/** Writes the path `['mtls', 'crls', 0, 'source']` as `mtls.crls[0].source`. */
export function keyOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${printable(String(key))}`))
    .join('');
}

/** What stands at a path of keys in parsed data; undefined when nothing does. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? (Reflect.get(inner, key) as unknown)
        : undefined,
    value,
  );
}

function sourced(path: readonly PropertyKey[], given: Given): { readonly source?: string } {
  const source = given.sourceOf(path);
  return source === undefined ? {} : { source };
}
