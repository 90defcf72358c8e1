import * as z from 'zod';
import type { ConfigurationProblem } from './configuration-error.js';
import type { Override } from './environment.js';
import { isSecret, schemaAt } from './outline.js';
import { type Given, keyOf } from './problems.js';

/** A map of settings that is being put together; it has no prototype that a key could reach. */
type Tree = Record<string, unknown>;

/** The file of a secret, with the path of the setting that gets its content. */
export interface SecretFile {
  readonly path: readonly PropertyKey[];
  readonly file: unknown;
  readonly source: string | undefined;
}

/** What was written, in the form that the schema reads: an empty section is an empty object, and the files of secrets are listed separately. */
export interface Written {
  readonly value: unknown;
  readonly secretFiles: readonly SecretFile[];
  readonly problems: readonly ConfigurationProblem[];
}

/**
 * Replaces values of the file by those of the environment. It follows the schema and not the input, so that the schema's depth bounds its work. A secret
 * that was written itself, instead of the name of its file, is refused here and goes no further. `__proto__` becomes an ordinary key, which the schema
 * refuses.
 */
export function layOver(given: Given, overrides: readonly Override[]): Written {
  const secretFiles = new Map<string, SecretFile>();
  const problems: ConfigurationProblem[] = [];

  const copied = (value: unknown, path: readonly PropertyKey[]): unknown => {
    const schema = schemaAt(given.schema, path);
    if (schema instanceof z.ZodArray) {
      return Array.isArray(value) ? value.map((item: unknown, index) => copied(item, [...path, index])) : value;
    }
    if (!(schema instanceof z.ZodObject)) return value;
    // A section whose settings are all commented out is null in YAML.
    const section = value ?? {};
    if (typeof section !== 'object' || Array.isArray(section)) return value;
    const tree = Object.create(null) as Tree;
    for (const [key, inner] of Object.entries(section)) {
      const at = [...path, key];
      const secretPath = [...path, key.replace(/File$/, '')];
      if (isSecretAt(at)) {
        const allowed = `the path of a file that holds it, in ${keyOf(at)}File`;
        problems.push({ path: keyOf(at), ...sourced(at), seen: '(hidden)', allowed });
      } else if (isSecretAt(secretPath)) {
        secretFiles.set(keyOf(secretPath), { path: secretPath, file: inner, source: given.sourceOf(at) });
      } else {
        tree[key] = copied(inner, at);
      }
    }
    return tree;
  };
  const isSecretAt = (path: readonly PropertyKey[]) => {
    const schema = schemaAt(given.schema, path);
    return schema !== undefined && isSecret(schema);
  };
  const sourced = (path: readonly PropertyKey[]) => {
    const source = given.sourceOf(path);
    return source === undefined ? {} : { source };
  };

  const value = copied(given.value, []);
  for (const { setting, variable, value: override } of overrides) {
    if (setting.secret) secretFiles.set(setting.key, { path: setting.path, file: override, source: variable });
    else put(value, setting.path, override);
  }
  return { value, secretFiles: [...secretFiles.values()], problems };
}

/** Sets the value at `path` in `value`. A section that was written as something other than an object stays as it is, and the schema refuses it. */
export function put(value: unknown, path: readonly PropertyKey[], override: unknown): void {
  const [key, ...rest] = path;
  if (typeof key !== 'string' || !isTree(value)) return;
  if (rest.length === 0) value[key] = override;
  else put((value[key] ??= Object.create(null) as Tree), rest, override);
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null;
