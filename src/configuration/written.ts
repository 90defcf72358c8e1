import * as z from 'zod';
import type { ConfigurationProblem } from './configuration-error.js';
import type { Override } from './environment.js';
import { isSecret, schemaAt } from './outline.js';
import { type Given, keyOf } from './problems.js';

/** A map of settings that is being put together; it has no prototype that a key could reach. */
type Tree = Record<string, unknown>;

/** A secret's file, by the path of the setting it fills. */
export interface SecretFile {
  readonly path: readonly PropertyKey[];
  readonly file: unknown;
  readonly source: string | undefined;
}

/** What was written, in the shape the schema reads: empty sections filled in, secrets' files set apart. */
export interface Written {
  readonly value: unknown;
  readonly secretFiles: readonly SecretFile[];
  readonly problems: readonly ConfigurationProblem[];
}

/**
 * Lays the environment's values over the file's. Follows the schema, not the input, so its work is bounded by the schema's depth.
 * Secrets written out instead of by their file are refused here and go no further. `__proto__` becomes a key like any other, which the
 * schema refuses.
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
    // A section whose settings are all commented out.
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

/** Sets `path` below `value`. Where a section was written as something else, that stays, for the schema to refuse. */
export function put(value: unknown, path: readonly PropertyKey[], override: unknown): void {
  const [key, ...rest] = path;
  if (typeof key !== 'string' || !isTree(value)) return;
  if (rest.length === 0) value[key] = override;
  else put((value[key] ??= Object.create(null) as Tree), rest, override);
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null;
