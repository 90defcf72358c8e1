// Options of a module that came past the types: by their names and kinds.

/** Throws for a value that what stands `at` this place may not have. */
export type Check = (value: unknown, at: string) => void;

export const only =
  (what: string, is: (value: unknown) => boolean): Check =>
  (value, at) => {
    if (!is(value)) throw new TypeError(`${at} must be ${what}`);
  };

export const isText = (value: unknown): value is string => typeof value === 'string';
export const isNumber = (value: unknown): value is number => typeof value === 'number';
export const isFunction = (value: unknown): boolean => typeof value === 'function';
export const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text = only('a text', isText);
export const func = only('a function', isFunction);
export const flag = only('true or false', (value) => typeof value === 'boolean');

export const oneOf = (...values: readonly string[]): Check =>
  only(`one of ${values.map((value) => `'${value}'`).join(', ')}`, (value) => values.some((one) => one === value));

export const listOf =
  (each: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) throw new TypeError(`${at} must be a list`);
    for (const [index, one] of value.entries()) each(one, `${at}[${index}]`);
  };

/** Options of a module by their names; an option that is undefined is as one that is absent. */
export const optionsOfModule =
  (module: string) =>
  <T>(checks: Readonly<Record<keyof T & string, Check>>, ...needed: readonly (keyof T & string)[]): Check =>
  (value, at) => {
    if (!isTable(value)) throw new TypeError(`${at} must be a table of options`);
    const path = (name: string): string => (at === '' ? name : `${at}.${name}`);
    // Those that it inherits count as well: whoever reads them does not ask whose they are.
    for (const name in value)
      // A misspelt name would be a check that is not made.
      if (!Object.hasOwn(checks, name))
        throw new TypeError(`${module} has no option ${path(name)}: there are ${Object.keys(checks).join(', ')}`);
    for (const [name, check] of Object.entries<Check>(checks)) {
      const one = value[name];
      if (one !== undefined) check(one, path(name));
    }
    const missing = needed.find((name) => value[name] === undefined);
    if (missing !== undefined) throw new TypeError(`${module} needs ${path(missing)}`);
  };
