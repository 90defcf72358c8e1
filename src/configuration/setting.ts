import * as z from 'zod';
import { formatDuration, parseDuration, type DurationUnit } from './duration.js';

/** What the loader and the documentation know of a setting beyond its zod type. */
export interface SettingFacts {
  /** How a string of the environment becomes a value: `list` by commas, `objects` as JSON, the others one to one. */
  readonly kind: 'text' | 'number' | 'boolean' | 'duration' | 'list' | 'objects';
  /** What is allowed, as the end of the sentence "allowed is …". */
  readonly allowed: string;
  /** The unit of a duration's value. */
  readonly unit?: DurationUnit;
  /** Never printed, and read from a file only: `…File` in YAML, `…_FILE` in the environment. */
  readonly secret?: true;
}

/** Where each schema made in this file keeps its {@link SettingFacts}. */
export const settingFacts = z.registry<SettingFacts>();

/** Text of 1 to `most` characters that matches `pattern`; control characters never pass. */
export function text(allowed: string, pattern = /^/, most = 1024) {
  return z
    .string()
    .min(1)
    .max(most)
    .regex(/^\P{Cc}*$/u)
    .regex(pattern)
    .register(settingFacts, { kind: 'text', allowed });
}

/** The name of a file or folder, relative to the working directory unless absolute. */
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
 * A length of time, kept as a whole number of `unit` from `least` to `most`: a number of that unit, or text as in {@link parseDuration}.
 * Milliseconds must end below 2^31 (24 days): a Node.js timer set to more fires at once.
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

/** A list of `least` to 1000 items; in the environment separated by commas. */
export function list<Item extends z.ZodType>(item: Item, what: string, least = 0) {
  const allowed = `a list of ${what}${least > 0 ? `, at least ${least}` : ''}`;
  return z.array(item).min(least).max(1000).register(settingFacts, { kind: 'list', allowed });
}

/** A list of up to 1000 objects; in the environment written as JSON. */
export function objects<Item extends z.ZodType>(item: Item, what: string) {
  return z
    .array(item)
    .max(1000)
    .register(settingFacts, { kind: 'objects', allowed: `a list of ${what}` });
}

/** A secret of 1 to 1024 characters, absent unless a file is named for it. */
export function secret(allowed: string) {
  return z.string().min(1).max(1024).register(settingFacts, { kind: 'text', allowed, secret: true });
}

/** For a rule between two settings: it is asked even when other settings are wrong, so that one start lists every problem. */
export const whenObject = ({ value }: { readonly value: unknown }) => typeof value === 'object' && value !== null;
