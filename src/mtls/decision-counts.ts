import type { RefusalCode } from './mtls.errors.js';

/** How many requests and messages were decided on since the start, over every transport: for whoever counts, such as a metrics page. */
export class DecisionCounts {
  /** Let in with an identity. Public routes do not count, because they ask nobody. */
  admitted = 0;
  /** Refused, by code. */
  readonly refused = new Map<RefusalCode, number>();
  /** Let in although a rule that is only being tried would have refused them, by its code. */
  readonly shadowed = new Map<RefusalCode, number>();
}

/** Counts one more refusal with `code`. */
export function countOne(counts: Map<RefusalCode, number>, code: RefusalCode): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}
