/** One figure of a benchmark, beside its baseline from the same run. */
export interface Figure {
  readonly bench: string;
  readonly case: string;
  readonly value: number;
  readonly unit: string;
  /** Lowest and highest of the rounds. */
  readonly spread?: readonly [number, number];
  readonly baseline?: string;
  readonly ratio?: number;
}

const asJson = process.argv.includes('--json');

/** Prints a figure: a line to read, or with `--json` an object a line. */
function report(figure: Figure): void {
  if (asJson) {
    process.stdout.write(`${JSON.stringify(figure)}\n`);
    return;
  }
  const { value, unit, spread, baseline, ratio } = figure;
  const range = spread ? ` (${round(spread[0])} to ${round(spread[1])})` : '';
  const beside = baseline !== undefined && ratio !== undefined ? `  ${ratio.toFixed(2)} of ${baseline}` : '';
  process.stdout.write(
    `${figure.bench.padEnd(10)} ${figure.case.padEnd(44)} ${round(value).padStart(9)} ${unit.padEnd(8)}${range.padEnd(24)}${beside}\n`,
  );
}

/** A line for people, left out with `--json`. */
export function say(text: string): void {
  if (!asJson) process.stdout.write(`${text}\n`);
}

/** The middle of some values; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Reports one measure of several cases, each as the median of its rounds, with the ratio to the baselines named. */
export function reportRounds(
  bench: string,
  measure: string,
  unit: string,
  rounds: Readonly<Record<string, readonly number[]>>,
  baselines: Readonly<Record<string, readonly string[]>>,
): void {
  for (const [name, values] of Object.entries(rounds)) {
    const value = median(values);
    const spread = [Math.min(...values), Math.max(...values)] as const;
    const against = (baselines[name] ?? []).filter((baseline) => rounds[baseline]);
    if (against.length === 0) report({ bench, case: `${name}, ${measure}`, value, unit, spread });
    for (const baseline of against) {
      // Round by round: what the machine did to one it did to its neighbour.
      const ratio = ratioOf(values, rounds[baseline] ?? []);
      report({ bench, case: `${name}, ${measure}`, value, unit, spread, baseline, ratio });
    }
  }
}

/** The median of the ratios, round by round. */
export const ratioOf = (values: readonly number[], baseline: readonly number[]): number =>
  median(values.map((each, i) => each / (baseline[i] ?? Number.NaN)));

const round = (value: number): string => (value >= 100 ? Math.round(value).toString() : value.toPrecision(3));
