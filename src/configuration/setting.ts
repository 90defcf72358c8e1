import * as z from 'zod';
import { formatDuration, parseDuration, type DurationUnit } from './duration.js';

/** What the loader and the documentation need to know about a setting besides its zod type. */
export interface SettingFacts {
  /** How a variable's text is read: a `list` is separated by commas, `objects` are JSON, and every other kind is a single value. */
  readonly kind: 'text' | 'number' | 'boolean' | 'duration' | 'list' | 'objects';
  /** What is allowed, as the end of the sentence "allowed is …". */
  readonly allowed: string;
  /** The unit of a duration's value. */
  readonly unit?: DurationUnit;
  /** A secret is never printed. It is read only from a file, which `…File` names in YAML and `…_FILE` in the environment. */
  readonly secret?: true;
}

/** The {@link SettingFacts} of each schema that is made in this file. */
export const settingFacts = z.registry<SettingFacts>();

/** A text of 1 to `most` characters that matches `pattern` and has no control characters and no half of a surrogate pair. */
export function text(allowed: string, pattern = /^/, most = 1024) {
  return z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u)
    .regex(pattern)
    .register(settingFacts, { kind: 'text', allowed });
}

/** The path of a file or folder. A relative one begins at the working directory. */
export const path = (allowed = 'the path of a file') => text(allowed, /^\S(?:.*\S)?$/);

/** A whole number from `least` to `most`. */
export function integer(least: number, most: number) {
  const allowed = `a whole number from ${least} to ${most}`;
  return z.int().min(least).max(most).register(settingFacts, { kind: 'number', allowed });
}

/** A number from `least` to `most`. */
export function decimal(least: number, most: number) {
  const allowed = `a number from ${least} to ${most}`;
  return z.number().min(least).max(most).register(settingFacts, { kind: 'number', allowed });
}

/** A TCP port to listen on; 0 lets the system choose one. */
export const port = () => integer(0, 65_535);

export const flag = () => z.boolean().register(settingFacts, { kind: 'boolean', allowed: 'true or false' });

/** One of the words in `options`. */
export function oneOf<const Options extends readonly [string, ...string[]]>(options: Options) {
  const allowed = options.length === 1 ? `only ${options[0]}` : `one of ${options.join(', ')}`;
  return z.enum(options).register(settingFacts, { kind: 'text', allowed });
}

/**
 * A length of time, written as a number of `unit` or as a text for {@link parseDuration}. Its value is a whole number of `unit` from `least` to `most`.
 * For milliseconds `most` must be below 2^31 (24 days), because a Node.js timer that is set to more fires at once.
 */
export function duration(unit: DurationUnit, least: number, most: number) {
  const units = {
    ms: 'milliseconds, or text such as 500ms or 10s',
    s: 'seconds, or text such as 15m or 24h',
    d: 'days, or text such as 30d',
  };
  const range = `from ${formatDuration(least, unit)} to ${formatDuration(most, unit)}`;
  const read = (value: unknown) => (typeof value === 'string' ? (parseDuration(value, unit) ?? value) : value);
  return z.preprocess(read, z.int().min(least).max(most)).register(settingFacts, {
    kind: 'duration',
    unit,
    allowed: `${units[unit]}; ${range}`,
  });
}

/** A list of `least` to 1000 items, which are separated by commas in the environment. */
export function list<Item extends z.ZodType>(item: Item, what: string, least = 0) {
  const allowed = `a list of ${what}${least > 0 ? `, at least ${least}` : ''}`;
  return z.array(item).min(least).max(1000).register(settingFacts, { kind: 'list', allowed });
}

/** A list of at most 1000 objects, which is JSON in the environment. */
export function objects<Item extends z.ZodType>(item: Item, what: string) {
  return z
    .array(item)
    .max(1000)
    .register(settingFacts, { kind: 'objects', allowed: `a list of ${what}` });
}

/** A secret of 1 to 1024 characters. It is absent unless a file is named for it. */
export function secret(allowed: string) {
  return z.string().min(1).max(1024).register(settingFacts, { kind: 'text', allowed, secret: true });
}

/** The condition for rules about several settings. They are checked even when other settings are wrong, so that one start lists every problem. */
export const whenObject = ({ value }: { readonly value: unknown }) => typeof value === 'object' && value !== null;
