import * as z from 'zod';

/** A whole number from 1 to `most`, which has at most fifteen digits. */
export function wholeNumber(most: number) {
  const error = `must be a whole number from 1 to ${most}`;
  return z.int({ error }).min(1, { error }).max(most, { error });
}

/** A number as a query has it: decimal digits and nothing else, where `Number()` would take `0x10`, `1e3` and ` 5` too. */
export const inDigits = <Schema extends z.ZodType>(number: Schema) =>
  z.preprocess((text) => (typeof text === 'string' && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : text), number);
