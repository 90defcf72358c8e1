/** A line for the log without its undefined fields, which not every logger leaves out by itself. */
export const lineOf = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
