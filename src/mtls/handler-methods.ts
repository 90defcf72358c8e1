export type HandlerClass = abstract new (...args: never[]) => object;

/** The methods of an instance of a class, inherited ones included; of a method that is overridden, only the last. */
export function methodsOf({ prototype }: HandlerClass): readonly object[] {
  const methods = new Map<string, unknown>();
  for (let level: object | null = prototype as object; level; level = Reflect.getPrototypeOf(level))
    for (const name of Object.getOwnPropertyNames(level))
      if (!methods.has(name)) methods.set(name, Reflect.getOwnPropertyDescriptor(level, name)?.value);
  return [...methods.values()].filter((method) => typeof method === 'function');
}
