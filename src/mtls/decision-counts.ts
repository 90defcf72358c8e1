import type { RefusalCode } from './mtls.errors.js';

/** How many requests and messages were decided on since the start, over every transport: for whoever counts, such as a page of metrics. */
export class DecisionCounts {
  /** Let in with an identity. Public routes ask nobody, and do not count. */
  admitted = 0;
  /** Refused, by code. */
  readonly refused = new Map<RefusalCode, number>();
  /** Let in although a rule that is only tried would have refused them, by its code. */
  readonly shadowed = new Map<RefusalCode, number>();
}

/** One more of `code`. */
export function countOne(counts: Map<RefusalCode, number>, code: RefusalCode): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}
