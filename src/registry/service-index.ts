import { checkName } from './registered-name.js';
import type { RegisteredService } from './registered-service.js';

/** How many entries there may be. The work of a look-up does not grow with them, the memory does. */
export const MOST_NAMES = 100_000;
export const MOST_PATTERNS = 10_000;

const SCHEME = 'spiffe://';

/**
 * Entries by name. The most specific one counts: the exact name, else the longest pattern. A look-up costs one step for the name, and one for each character
 * of a name or segment of a SPIFFE ID, however many patterns there are.
 */
export class ServiceIndex {
  readonly #exact = new Map<string, RegisteredService>();
  readonly #byPrefix = new Map<string, RegisteredService>();

  get names(): number {
    return this.#exact.size;
  }

  get patterns(): number {
    return this.#byPrefix.size;
  }

  /** The entry with this name, pattern or not. */
  get(name: string): RegisteredService | undefined {
    return name.endsWith('*') ? this.#byPrefix.get(name.slice(0, -1)) : this.#exact.get(name);
  }

  set(service: RegisteredService): void {
    const kind = checkName(service.name);
    if (kind.kind === 'exact') this.#exact.set(service.name, service);
    else this.#byPrefix.set(kind.prefix, service);
  }

  delete(name: string): void {
    if (name.endsWith('*')) this.#byPrefix.delete(name.slice(0, -1));
    else this.#exact.delete(name);
  }

  *[Symbol.iterator](): Generator<RegisteredService> {
    yield* this.#exact.values();
    yield* this.#byPrefix.values();
  }

  /** The entry that holds for a service's name, or for a SPIFFE ID. */
  match(name: string): RegisteredService | undefined {
    const exact = this.#exact.get(name);
    if (exact || this.#byPrefix.size === 0) return exact;
    return name.startsWith(SCHEME) ? this.#longestPath(name) : this.#longestPrefix(name);
  }

  #longestPath(id: string): RegisteredService | undefined {
    for (let end = id.lastIndexOf('/'); end >= SCHEME.length; end = id.lastIndexOf('/', end - 1)) {
      const service = this.#byPrefix.get(id.slice(0, end + 1));
      if (service) return service;
    }
    return undefined;
  }

  #longestPrefix(name: string): RegisteredService | undefined {
    for (let end = name.length - 1; end > 0; end--) {
      const service = this.#byPrefix.get(name.slice(0, end));
      if (service) return service;
    }
    return undefined;
  }
}
