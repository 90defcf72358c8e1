/**
 * Finds the candidate that `written` most likely means: one with the same letters in another case or with other separators, or else the one that takes
 * the fewest changes, at most a third of its length. `undefined` when none is near, or when `written` is longer than 100 characters.
 */
export function nearMiss(written: string, candidates: readonly string[]): string | undefined {
  if (written.length > 100) return undefined;
  const plain = lettersOf(written);
  let best: string | undefined;
  let fewest = Math.floor(plain.length / 3) + 1;
  for (const candidate of candidates) {
    const slips = slipsBetween(plain, lettersOf(candidate));
    if (slips < fewest) {
      best = candidate;
      fewest = slips;
    }
  }
  return best;
}

const lettersOf = (key: string) => key.replaceAll(/[-_.\s]/g, '').toLowerCase();

/** The number of letters to add, remove, change or swap with the next one in order to get from `from` to `to` (optimal string alignment distance). */
function slipsBetween(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= to.length; column++) {
      const changed = at(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swap = swapped ? at(row - 2, column - 2) + 1 : Infinity;
      current.push(Math.min(changed, swap, at(row - 1, column) + 1, at(row, column - 1) + 1));
    }
  }
  return at(from.length, to.length);
}
