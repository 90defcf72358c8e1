/** The labels of one series, by name. */
export type Labels = Readonly<Record<string, string>>;

/** Counts by labels. What is counted is a few words each: a table that callers could grow by what they say would be one too many. */
export class Tally {
  readonly #counts = new Map<string, { readonly labels: Labels; count: number }>();

  /** One more. */
  add(labels: Labels): void {
    const key = JSON.stringify(Object.values(labels));
    const counted = this.#counts.get(key);
    if (counted) counted.count++;
    else this.#counts.set(key, { labels, count: 1 });
  }

  /** What was counted so far. */
  *[Symbol.iterator](): Generator<readonly [labels: Labels, value: number]> {
    for (const { labels, count } of this.#counts.values()) yield [labels, count];
  }
}
