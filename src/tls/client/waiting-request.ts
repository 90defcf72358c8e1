import type { Dispatcher } from 'undici';

type Method = (...args: unknown[]) => unknown;

// The methods that undici, by its old and its new interface, calls before the first octet of a request is written, and when a request gets no answer.
const STARTS: ReadonlySet<PropertyKey> = new Set(['onConnect', 'onRequestStart']);
const FAILS: ReadonlySet<PropertyKey> = new Set(['onError', 'onResponseError']);

/**
 * The handler of a request that may wait behind others. When its turn comes, and `isOver` says that nothing more is to be sent on that connection,
 * nothing is sent and `again` is called instead. The body has not been read by then.
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
          // This makes the request fail, but not its connection.
          throw new Error('the request is sent over another connection');
        }
        return isMoved && FAILS.has(key) ? again() : (value as Method).apply(target, args);
      };
    },
  });
}
