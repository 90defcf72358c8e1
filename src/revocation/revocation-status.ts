import type { Certificate } from '../x509/index.js';

/** What is known about one certificate. `source` names for the log who says so; `until` is how long a `good` may be remembered. */
export type RevocationAnswer =
  | { readonly status: 'good'; readonly source: string; readonly until?: Date }
  | { readonly status: 'revoked'; readonly source: string; readonly revocationDate: Date; readonly reason: string }
  | { readonly status: 'unknown'; readonly source: string; readonly why: string };

/**
 * Port: whether a certificate is revoked, asked for each certificate of a path below its anchor, with its issuer. Answers at once, from
 * memory: it stands on the request path. `epoch` changes whenever an answer might.
 */
export interface RevocationStatus {
  readonly epoch: number;
  statusOf(certificate: Certificate, issuer: Certificate, now: Date): RevocationAnswer;
}

/**
 * Asks each source in turn and takes the first answer that is not `unknown`, or else gives the reasons of all. What any source knows to be revoked for good
 * is revoked all the same; about a hold, and its end, the earlier source decides.
 */
export function firstKnown(...sources: readonly RevocationStatus[]): RevocationStatus {
  return {
    get epoch() {
      let sum = 0;
      for (const source of sources) sum += source.epoch;
      return sum;
    },
    statusOf(certificate, issuer, now) {
      let known: RevocationAnswer | undefined;
      const reasons: string[] = [];
      for (const source of sources) {
        const answer = source.statusOf(certificate, issuer, now);
        if (answer.status === 'revoked' && answer.reason !== 'certificateHold') return answer;
        if (answer.status === 'unknown') reasons.push(`${answer.source}: ${answer.why}`);
        else known ??= answer;
      }
      return (
        known ?? {
          status: 'unknown',
          source: 'all',
          why: reasons.join('; ') || 'no source of revocation status is configured',
        }
      );
    },
  };
}
