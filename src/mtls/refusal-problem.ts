import { REFUSALS, type MtlsRefusal } from './mtls.errors.js';
import { problemOf, type Problem } from './problem.js';

/** What a caller is told about a refusal: the same document on every transport. */
export function problemOfRefusal({ code, status, message, mend }: MtlsRefusal, requestId: string): Problem {
  const { title } = REFUSALS[code];
  return problemOf({ status, title, detail: `${capitalised(message)}. ${mend}`, code, requestId });
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
