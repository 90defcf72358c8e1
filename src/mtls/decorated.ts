import 'reflect-metadata';
import type { HandlerClass } from './handler-methods.js';

/**
 * A decorator for classes and methods that stores metadata under `key`: `next` computes it from what was stored before. For a method it is stored
 * under the method's name as well, because a decorator applied later may replace the function, and the replacement carries no metadata of the first.
 */
export function metadataDecorator<Said>(
  key: symbol,
  next: (before: Said | undefined) => Said,
): MethodDecorator & ClassDecorator {
  return (target: object, name?: string | symbol, descriptor?: PropertyDescriptor) => {
    const decorated = (descriptor?.value ?? target) as object;
    Reflect.defineMetadata(key, next(Reflect.getMetadata(key, decorated) as Said | undefined), decorated);
    if (name === undefined) return;
    Reflect.defineMetadata(key, next(Reflect.getOwnMetadata(key, target, name) as Said | undefined), target, name);
  };
}

/**
 * What {@link metadataDecorator} stored about a method of a class: on the function, and under each name that the class has for it. Throws TypeError
 * for a function that is no method of the class, because its decorators cannot be known.
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
  kept.push(Reflect.getMetadata(key, handler));
  return kept.filter((each) => each !== undefined);
}
