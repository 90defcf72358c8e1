import { EventEmitter } from 'node:events';
import type { EventMap, EventName } from './event-map.js';

/**
 * Delivers events to listeners. Listeners are called synchronously, one after the other. An error in a listener reaches neither the other listeners nor the
 * emitter, because an event reports what is done and cannot undo it: it is emitted as `background.failed`. An error in a listener of that is lost.
 */
export class EventBus {
  readonly #emitter = new EventEmitter();

  constructor() {
    // Only rooms add listeners, never requests; more than 64 listeners would mean a leak.
    this.#emitter.setMaxListeners(64);
  }

  /** Calls `listener` at each event `name`. Returns a function that removes the listener. */
  on<Name extends EventName>(name: Name, listener: (payload: EventMap[Name]) => void): () => void {
    const guarded = (payload: EventMap[Name]): void => {
      try {
        listener(payload);
      } catch (error) {
        if (name !== 'background.failed') this.emit('background.failed', { task: `listener of ${name}`, error });
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
