/** A line for the log without what is not there: not every logger leaves that out by itself. */
export const lineOf = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
