import 'reflect-metadata';
import type { HandlerClass } from './handler-methods.js';

/** A method by its class, or the class that it was copied from. */
interface Method {
  readonly target: object;
  readonly name: string | symbol;
}

// Which function a decorated method became is known only when all of its decorators have run.
const decorated: Method[] = [];
const methodsOfFunction = new WeakMap<object, Method[]>();

/**
 * A decorator for classes and methods that stores metadata under `key`: `next` computes it from what was stored before. For a method it is stored
 * under the method's name as well, because a decorator applied later may replace the function, and the replacement carries no metadata of the first.
 */
export function metadataDecorator<Said>(
  key: symbol,
  next: (before: Said | undefined) => Said,
): MethodDecorator & ClassDecorator {
  return (target: object, name?: string | symbol, descriptor?: PropertyDescriptor) => {
    const on = (descriptor?.value ?? target) as object;
    Reflect.defineMetadata(key, next(Reflect.getMetadata(key, on) as Said | undefined), on);
    if (name === undefined) return;
    decorated.push({ target, name });
    Reflect.defineMetadata(key, next(Reflect.getOwnMetadata(key, target, name) as Said | undefined), target, name);
  };
}

/**
 * What {@link metadataDecorator} stored about a method of a class: on the function, and under each name that the class has for it, or a class that it
 * was copied from. Throws TypeError for a function that is no method of the class, because its decorators cannot be known.
 */
export function metadataOfMethod(key: symbol, handler: object, { prototype }: HandlerClass): readonly unknown[] {
  const kept: unknown[] = [];
  let isMethod = false;
  for (let level: object | null = prototype as object; level; level = Reflect.getPrototypeOf(level))
    for (const name of Reflect.ownKeys(level)) {
      if (Reflect.getOwnPropertyDescriptor(level, name)?.value !== handler) continue;
      isMethod = true;
      kept.push(Reflect.getOwnMetadata(key, level, name));
    }
  if (!isMethod) throw new TypeError('a handler is not a method of its class, so its decorators cannot be known');
  for (const { target, name } of decoratedAs(handler)) kept.push(Reflect.getOwnMetadata(key, target, name));
  kept.push(Reflect.getMetadata(key, handler));
  return kept.filter((each) => each !== undefined);
}

/** The decorated methods that are this function. */
function decoratedAs(handler: object): readonly Method[] {
  for (const method of decorated.splice(0)) {
    const value: unknown = Reflect.getOwnPropertyDescriptor(method.target, method.name)?.value;
    if (typeof value === 'function') methodsOfFunction.set(value, [...(methodsOfFunction.get(value) ?? []), method]);
  }
  return methodsOfFunction.get(handler) ?? [];
}
