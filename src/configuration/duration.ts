/** The unit of a setting's value: milliseconds for timers, seconds for lifetimes, days for warnings. */
export type DurationUnit = 'ms' | 's' | 'd';

const milliseconds = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const longestFirst = ['d', 'h', 'm', 's', 'ms'] as const;
const isSuffix = (text: string): text is keyof typeof milliseconds => Object.hasOwn(milliseconds, text);

/**
 * Reads a length of time such as `24h`, `30d`, `15m`, `10s` or `500ms`; digits without a letter are a number of `unit`. Returns a whole number of `unit`,
 * or `undefined` for anything else: a sign, a fraction, spaces, several parts, a length that is not a whole number of `unit`, or one over 2^53 milliseconds.
 */
export function parseDuration(text: string, unit: DurationUnit): number | undefined {
  const [, digits, suffix = unit] = /^(\d{1,15})(ms|s|m|h|d)?$/.exec(text) ?? [];
  if (digits === undefined || !isSuffix(suffix)) return undefined;
  const length = Number(digits) * milliseconds[suffix];
  if (!Number.isSafeInteger(length) || length % milliseconds[unit] !== 0) return undefined;
  return length / milliseconds[unit];
}

/** Writes the shortest text that {@link parseDuration} reads as `value` of `unit`: 86400 seconds are `1d`, 1500 milliseconds are `1500ms`. */
export function formatDuration(value: number, unit: DurationUnit): string {
  const length = value * milliseconds[unit];
  const suffix = value === 0 ? unit : (longestFirst.find((each) => length % milliseconds[each] === 0) ?? unit);
  return `${length / milliseconds[suffix]}${suffix}`;
}
