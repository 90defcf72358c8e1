import { EventEmitter } from 'node:events';
import type { EventMap, EventName } from './event-map.js';

/**
 * Delivers events to listeners. Listeners are called synchronously, one after the other. An error in a listener goes to `onListenerError`, and not to
 * the other listeners or the emitter: an event reports what is done and cannot undo it.
 */
export class EventBus {
  readonly #emitter = new EventEmitter();
  readonly #onListenerError: (error: unknown, name: EventName) => void;

  /** By default an error in a listener is emitted as `background.failed`. An error in a listener of `background.failed` is lost. */
  constructor(onListenerError?: (error: unknown, name: EventName) => void) {
    this.#onListenerError =
      onListenerError ??
      ((error, name) => {
        if (name !== 'background.failed') this.emit('background.failed', { task: `listener of ${name}`, error });
      });
    // Only rooms add listeners, never requests; more than 64 listeners would mean a leak.
    this.#emitter.setMaxListeners(64);
  }

  /** Calls `listener` at each event `name`. Returns a function that removes the listener. */
  on<Name extends EventName>(name: Name, listener: (payload: EventMap[Name]) => void): () => void {
    const guarded = (payload: EventMap[Name]): void => {
      try {
        listener(payload);
      } catch (error) {
        this.#onListenerError(error, name);
      }
    };
    this.#emitter.on(name, guarded);
    return () => {
      this.#emitter.off(name, guarded);
    };
  }

  emit<Name extends EventName>(name: Name, payload: EventMap[Name]): void {
    this.#emitter.emit(name, payload);
  }
}
