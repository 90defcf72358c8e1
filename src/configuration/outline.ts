import * as z from 'zod';
import { settingFacts, type SettingFacts } from './setting.js';

/** A setting as the schema declares it. */
export interface Setting extends SettingFacts {
  /** `['tls', 'minVersion']` */
  readonly path: readonly string[];
  /** `tls.minVersion` */
  readonly key: string;
  /** `VERITAS_TLS_MIN_VERSION`; for a secret with `_FILE` at its end. */
  readonly variable: string;
  readonly description: string;
  /** The default; `undefined` when there is none. */
  readonly fallback: unknown;
  /** Whether it must be present in every object that it belongs to. */
  readonly required: boolean;
  /** For a list of objects: the settings of each object. */
  readonly fields: readonly Setting[];
}

/** Every setting of `schema` in the order of declaration. Throws when one was not made by the functions of `setting.ts`, which is a programming error. */
export function settingsOf(schema: z.core.$ZodType, path: readonly string[] = []): readonly Setting[] {
  const bare = bareOf(schema);
  if (bare instanceof z.ZodObject) {
    return fieldsOf(bare).flatMap(([key, inner]) => settingsOf(inner, [...path, key]));
  }
  const facts = settingFacts.get(bare);
  if (facts === undefined) throw new Error(`no facts are registered for the setting ${path.join('.')}`);
  const spelt = facts.secret ? [...path.slice(0, -1), `${path.at(-1) ?? ''}File`] : path;
  const fallback = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
  const required = !(schema instanceof z.ZodDefault || schema instanceof z.ZodExactOptional || facts.secret);
  const fields = bare instanceof z.ZodArray && facts.kind === 'objects' ? settingsOf(bare.element) : [];
  const key = path.join('.');
  const description = descriptionOf(schema);
  return [{ ...facts, path, key, variable: variableOf(spelt), description, fallback, required, fields }];
}

/** The description of the object that a setting belongs to, when that object is not the namespace itself. */
export const groupDescription = (schema: z.core.$ZodType, path: readonly string[]): string => {
  const [key = '', ...rest] = path;
  const bare = bareOf(schema);
  const inner = bare instanceof z.ZodObject ? fieldsOf(bare).find(([name]) => name === key)?.[1] : undefined;
  if (!inner) return '';
  return rest.length === 0 ? descriptionOf(inner) : groupDescription(inner, rest);
};

/** The schema at `path`, which may contain positions in lists, without the wrappers for default and optional; `undefined` when there is none. */
export function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  const bare = bareOf(schema);
  const [key, ...rest] = path;
  if (key === undefined) return bare;
  if (bare instanceof z.ZodArray) return schemaAt(bare.element, rest);
  if (!(bare instanceof z.ZodObject) || !Object.hasOwn(bare.shape, key)) return undefined;
  const inner: unknown = bare.shape[String(key)];
  return inner instanceof z.ZodType ? schemaAt(inner, rest) : undefined;
}

/** The keys that an object of `schema` may have. A secret has the key of the setting that names its file. */
export function keysOf(schema: z.core.$ZodType): readonly string[] {
  const bare = bareOf(schema);
  if (!(bare instanceof z.ZodObject)) return [];
  return fieldsOf(bare).map(([key, inner]) => (isSecret(inner) ? `${key}File` : key));
}

/** The keys of an object's schema, each with its own schema, in the order of declaration. */
export const fieldsOf = (schema: z.ZodObject): readonly (readonly [string, z.core.$ZodType])[] =>
  Object.entries(schema.shape);

export const isSecret = (schema: z.core.$ZodType) => settingFacts.get(bareOf(schema))?.secret === true;

export const descriptionOf = (schema: z.core.$ZodType) => z.globalRegistry.get(schema)?.description ?? '';

/** `VERITAS_` and the words of the path in capitals: `tls.minVersion` is `VERITAS_TLS_MIN_VERSION`. */
function variableOf(path: readonly string[]): string {
  const words = path.map((key) => key.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase());
  return ['VERITAS', ...words].join('_');
}

function bareOf(schema: z.core.$ZodType): z.core.$ZodType {
  const wrapped =
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodExactOptional;
  return wrapped ? bareOf(schema.unwrap()) : schema;
}
