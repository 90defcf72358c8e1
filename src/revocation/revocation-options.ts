import type { CrlSource } from './crl-source.js';
import { firstKnown, type RevocationStatus } from './revocation-status.js';

/**
 * What to do when nobody can say whether a certificate is revoked: refuse it (`hard-fail`), let it pass and report it (`soft-fail`), or not ask at all
 * (`off`).
 */
export type RevocationMode = 'hard-fail' | 'soft-fail' | 'off';

/** By what it is known which certificates are revoked. */
export interface RevocationOptions {
  /** Default `hard-fail`. */
  readonly mode?: RevocationMode;
  /** CRLs in files or at URLs, PEM or DER, of any CA among the trust anchors. */
  readonly crls?: readonly CrlSource[];
  /** How often files are looked at and URLs fetched, in milliseconds. Default 60 000; files at least every second. */
  readonly refreshInterval?: number;
  /** Another source, asked before the CRLs: see {@link firstKnown}. */
  readonly status?: RevocationStatus;
}

/** The mode that options stand for: `off` where there are none, `hard-fail` where they name none. */
export const revocationModeOf = (options: RevocationOptions | undefined): RevocationMode =>
  options ? (options.mode ?? 'hard-fail') : 'off';

/** The status to ask: `status`, and then `crls`, when CRLs are configured. A single source is asked directly, because it is on the path of every request. */
export function statusFrom(
  { status, crls: configured = [] }: RevocationOptions,
  crls: RevocationStatus,
): RevocationStatus {
  if (!status) return crls;
  return configured.length === 0 ? status : firstKnown(status, crls);
}
