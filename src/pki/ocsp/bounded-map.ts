/** A map of at most `most` entries. When it is full, adding an entry drops the least recently used one. */
export class BoundedMap<Key, Value> {
  readonly #entries = new Map<Key, Value>();

  constructor(readonly most: number) {}

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    // A Map keeps the order of insertion, so the first entry is the least recently used one.
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.most) return;
    const [first] = this.#entries.keys();
    if (first !== undefined) this.#entries.delete(first);
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }
}
