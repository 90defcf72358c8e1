import { isBundleUrl } from './bundle-source.js';

/** How often a file is looked at, in milliseconds. */
export const FILE_INTERVAL_MS = 250;
const FIRST_RETRY_MS = 1_000;
/** The shortest time between two fetches of a URL, in milliseconds, whatever the domain says. */
export const LEAST_MS = 10_000;
// For a domain whose hint is too long, and for one that gives none.
const MOST_MS = 86_400_000;
const DEFAULT_MS = 300_000;
const JITTER = 0.1;
// SPIFFE Federation §6.2: missing one or two does no harm.
const STALE_LOOKS = 3;
const STALE_LEAST_MS = 60_000;

/**
 * When to read a bundle again, in milliseconds. A file is read four times a second; a URL as its hint (seconds) says, within bounds. After failures
 * it is read sooner, then less and less often, up to that interval. A random part keeps everybody from reading at the same moment.
 */
export function nextBundleLook(
  { source, failures, hint }: { readonly source: string; readonly failures: number; readonly hint: number | undefined },
  { least, random }: { readonly least: number; readonly random: number },
): number {
  if (!isBundleUrl(source)) return FILE_INTERVAL_MS;
  const interval = intervalOf(hint, least);
  const delay = failures > 0 ? Math.min(interval, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20)) : interval;
  return delay * (1 + JITTER * (2 * random - 1));
}

const intervalOf = (hint: number | undefined, least: number): number =>
  Math.min(Math.max(hint === undefined ? DEFAULT_MS : hint * 1000, least), MOST_MS);

/** Whether a bundle that was last read at `readAt` should have been read three times since, and that is more than a minute ago. */
export function isOverdue(
  { source, hint, readAt }: { readonly source: string; readonly hint: number | undefined; readonly readAt: Date },
  now: Date,
): boolean {
  const interval = isBundleUrl(source) ? intervalOf(hint, LEAST_MS) : FILE_INTERVAL_MS;
  return now.getTime() - readAt.getTime() > Math.max(STALE_LOOKS * interval, STALE_LEAST_MS);
}
