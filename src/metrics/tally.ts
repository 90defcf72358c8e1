/** The labels of one series, by name. */
export type Labels = Readonly<Record<string, string>>;

/**
 * Counts by labels. The values of labels must come from a small fixed set: a caller who could choose them could make the table grow without bound.
 */
export class Tally {
  readonly #counts = new Map<string, { readonly labels: Labels; count: number }>();

  /** Adds one to the count of these labels. */
  add(labels: Labels): void {
    const key = JSON.stringify(Object.values(labels));
    const counted = this.#counts.get(key);
    if (counted) counted.count++;
    else this.#counts.set(key, { labels, count: 1 });
  }

  /** The counts so far. */
  *[Symbol.iterator](): Generator<readonly [labels: Labels, value: number]> {
    for (const { labels, count } of this.#counts.values()) yield [labels, count];
  }
}
