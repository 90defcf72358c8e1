import { needsNoRevocationStatus, type Certificate, type ValidatedPath } from '../x509/index.js';
import type { RevocationAnswer, RevocationStatus } from './revocation-status.js';

/** A certificate of a path, and what is said of it. */
export interface Finding {
  readonly certificate: Certificate;
  readonly answer: RevocationAnswer;
}

/** What is known of a path: the lowest certificate that is revoked, those of which nobody knows, and until when (ms) the rest is known to be good. */
export interface PathRevocation {
  readonly revoked: Finding | undefined;
  readonly unknown: readonly Finding[];
  readonly goodUntil: number;
}

/** Asks about each certificate of a path below its anchor, with its issuer. A leaf that says that it needs no status is not among the unknown. */
export function revocationOf(
  { leaf, certificates }: ValidatedPath,
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
      ({ certificate, answer }) =>
        answer.status === 'unknown' && !(certificate === leaf && needsNoRevocationStatus(certificate)),
    ),
    goodUntil: Math.min(...ends.map((end) => end ?? Number.POSITIVE_INFINITY)),
  };
}
