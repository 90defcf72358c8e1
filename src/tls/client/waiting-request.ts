import type { Dispatcher } from 'undici';

type Method = (...args: unknown[]) => unknown;

// What undici calls, in its old form and in its new one, before the first octet of a request is written, and when there is no answer to it.
const STARTS: ReadonlySet<PropertyKey> = new Set(['onConnect', 'onRequestStart']);
const FAILS: ReadonlySet<PropertyKey> = new Set(['onError', 'onResponseError']);

/**
 * The handler of a request that may wait behind others: when its turn has come and `isOver` says that nothing more is to be sent there, nothing is, and `again` is called
 * instead. Its body was not read by then.
 */
export function waitingRequest(
  handler: Dispatcher.DispatchHandler,
  { isOver, again }: { readonly isOver: () => boolean; readonly again: () => unknown },
): Dispatcher.DispatchHandler {
  let isMoved = false;
  return new Proxy(handler, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (STARTS.has(key) && isOver()) {
          isMoved = true;
          // It fails by that, and its connection does not.
          throw new Error('the request is sent over another connection');
        }
        return isMoved && FAILS.has(key) ? again() : (value as Method).apply(target, args);
      };
    },
  });
}
