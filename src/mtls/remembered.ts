// Enough for a fleet of some four thousand. What is read from a certificate takes up to fifty times as much memory.
const MAX_OCTETS = 4 * 1024 * 1024;

/** Values by the fingerprints of certificates. When the certificates that they hold come to more than 4 MiB, the oldest are forgotten. */
export class Remembered<Value extends object> {
  readonly #values = new Map<string, Value>();
  #octets = 0;

  /** `octetsOf`: the octets of the certificates that a value alone holds. */
  constructor(private readonly octetsOf: (value: Value) => number) {}

  get(fingerprint: string): Value | undefined {
    return this.#values.get(fingerprint);
  }

  set(fingerprint: string, value: Value): void {
    this.#forget(fingerprint);
    this.#values.set(fingerprint, value);
    this.#octets += this.octetsOf(value);
    for (const [oldest] of this.#values) {
      if (this.#octets <= MAX_OCTETS) break;
      this.#forget(oldest);
    }
  }

  #forget(fingerprint: string): void {
    const value = this.#values.get(fingerprint);
    if (!value) return;
    this.#values.delete(fingerprint);
    this.#octets -= this.octetsOf(value);
  }
}
