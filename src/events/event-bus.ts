import { EventEmitter } from 'node:events';
import type { EventMap, EventName } from './event-map.js';

/**
 * What happens, told to whoever listens. Listeners are called at once, one after the other; what one of them throws goes to `onListenerError`
 * and neither to the others nor to who emitted: an event reports what is done, it cannot undo it.
 */
export class EventBus {
  readonly #emitter = new EventEmitter();
  readonly #onListenerError: (error: unknown, name: EventName) => void;

  /** By default an error of a listener becomes the event `background.failed`; an error of a listener to that is lost. */
  constructor(onListenerError?: (error: unknown, name: EventName) => void) {
    this.#onListenerError =
      onListenerError ??
      ((error, name) => {
        if (name !== 'background.failed') this.emit('background.failed', { task: `listener of ${name}`, error });
      });
    // Rooms listen, not requests: a leak of listeners would be one of rooms.
    this.#emitter.setMaxListeners(64);
  }

  /** Calls `listener` at each `name`; the function returned ends that. */
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
