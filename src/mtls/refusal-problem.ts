import { REFUSALS, type MtlsRefusal } from './mtls.errors.js';
import { problemOf, type Problem } from './problem.js';
import { RateLimited } from './rates/rate-limiter.js';

/** What a caller is told about a refusal: the same document on every transport. */
export function problemOfRefusal(refusal: MtlsRefusal, requestId: string): Problem {
  const { code, status, message, mend } = refusal;
  const { title } = REFUSALS[code];
  const problem = problemOf({ status, title, detail: `${capitalised(message)}. ${mend}`, code, requestId });
  return refusal instanceof RateLimited ? { ...problem, retry_after: refusal.retryAfter } : problem;
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
