// The characters with which a spreadsheet's formula begins, in their wide forms too; and the apostrophe itself, so that a leading apostrophe is
// always ours.
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20']/;

/**
 * A cell (RFC 4180 §2.5–2.7). When a spreadsheet would take its `original`, before anything in it was escaped, for a formula, it gets an apostrophe
 * in front, and is shown as text.
 */
export function csvCell(text: string, original = text): string {
  const guarded = FORMULA.test(original) ? `'${text}` : text;
  return /[",\s]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** A line of cells, with its line end (RFC 4180 §2.1). */
export const csvLine = (cells: readonly string[]): string => `${cells.map((cell) => csvCell(cell)).join(',')}\r\n`;
