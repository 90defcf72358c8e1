import * as z from 'zod';
import { settingFacts, type SettingFacts } from './setting.js';

/** One setting, as the schema declares it. */
export interface Setting extends SettingFacts {
  /** `['tls', 'minVersion']` */
  readonly path: readonly string[];
  /** `tls.minVersion` */
  readonly key: string;
  /** `VERITAS_TLS_MIN_VERSION`; for a secret with `_FILE` at its end. */
  readonly variable: string;
  readonly description: string;
  /** The value when nothing is said; `undefined` when there is none. */
  readonly fallback: unknown;
  /** Whether it must be there when what it stands in is. */
  readonly required: boolean;
  /** Of a list of objects: the settings of one of them. */
  readonly fields: readonly Setting[];
}

/** Every setting below `schema` in the order of declaration. Throws when a leaf was not made by `setting.ts`: a programming error. */
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

/** What the descriptions say of the object that a setting stands in, when it stands deeper than its namespace. */
export const groupDescription = (schema: z.core.$ZodType, path: readonly string[]): string => {
  const [key = '', ...rest] = path;
  const bare = bareOf(schema);
  const inner = bare instanceof z.ZodObject ? fieldsOf(bare).find(([name]) => name === key)?.[1] : undefined;
  if (!inner) return '';
  return rest.length === 0 ? descriptionOf(inner) : groupDescription(inner, rest);
};

/** The schema at `path`, list positions included, without its default and optional wrappers; `undefined` when nothing is declared there. */
export function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  const bare = bareOf(schema);
  const [key, ...rest] = path;
  if (key === undefined) return bare;
  if (bare instanceof z.ZodArray) return schemaAt(bare.element, rest);
  if (!(bare instanceof z.ZodObject) || !Object.hasOwn(bare.shape, key)) return undefined;
  const inner: unknown = bare.shape[String(key)];
  return inner instanceof z.ZodType ? schemaAt(inner, rest) : undefined;
}

/** The keys that may stand in an object of `schema`: a secret by the name of the setting that names its file. */
export function keysOf(schema: z.core.$ZodType): readonly string[] {
  const bare = bareOf(schema);
  if (!(bare instanceof z.ZodObject)) return [];
  return fieldsOf(bare).map(([key, inner]) => (isSecret(inner) ? `${key}File` : key));
}

/** The keys of an object's schema with theirs, in the order of declaration. */
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
