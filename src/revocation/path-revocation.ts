import { needsNoRevocationStatus, type Certificate } from '../x509/index.js';
import type { RevocationMode } from './revocation-options.js';
import type { RevocationAnswer, RevocationStatus } from './revocation-status.js';

/** A certificate of a path, and its status. */
export interface Finding {
  readonly certificate: Certificate;
  readonly answer: RevocationAnswer;
}

/** The status of a path: the lowest revoked certificate, the certificates of unknown status, and until when (ms) the others are known to be good. */
export interface PathRevocation {
  readonly revoked: Finding | undefined;
  readonly unknown: readonly Finding[];
  readonly goodUntil: number;
}

/** What a path is refused for: a revoked certificate, or one of unknown status, which soft-fail lets pass. */
export const lossOf = ({ revoked, unknown }: PathRevocation, mode: RevocationMode): Finding | undefined =>
  revoked ?? (mode === 'soft-fail' ? undefined : unknown[0]);

/** Asks about each certificate of a path (leaf first) below the anchor. A leaf that says that it needs no status is not among the unknown ones. */
export function revocationOf(
  certificates: readonly Certificate[],
  status: RevocationStatus,
  now: Date,
): PathRevocation {
  const findings = certificates.slice(0, -1).flatMap((certificate, i): Finding[] => {
    const issuer = certificates[i + 1];
    return issuer ? [{ certificate, answer: status.statusOf(certificate, issuer, now) }] : [];
  });
  const ends = findings.map(({ answer }) => (answer.status === 'good' ? answer.until?.getTime() : undefined));
  return {
    revoked: findings.find(({ answer }) => answer.status === 'revoked'),
    unknown: findings.filter(
      ({ certificate, answer }) => answer.status === 'unknown' && !needsNoRevocationStatus(certificate),
    ),
    goodUntil: Math.min(...ends.map((end) => end ?? Number.POSITIVE_INFINITY)),
  };
}
