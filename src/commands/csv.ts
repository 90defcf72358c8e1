// What spreadsheets take for a formula, in the wide forms too; the apostrophe itself, so that one in front always is ours.
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20']/;

/**
 * A cell (RFC 4180 §2.5–2.7). One whose `original`, before anything in it was escaped, a spreadsheet would take for a formula gets an apostrophe in
 * front: it is shown as text then.
 */
export function csvCell(text: string, original = text): string {
  const guarded = FORMULA.test(original) ? `'${text}` : text;
  return /[",\s]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** A line of cells, with its end (RFC 4180 §2.1). */
export const csvLine = (cells: readonly string[]): string => `${cells.map((cell) => csvCell(cell)).join(',')}\r\n`;
