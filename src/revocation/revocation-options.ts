import type { CrlSource } from './crl-source.js';
import { firstKnown, type RevocationStatus } from './revocation-status.js';

/** What happens when nobody can say whether a certificate is revoked: refuse, let pass and tell of it, or do not ask at all. */
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

/** What is asked: `status` and then the CRLs that were configured, of which `crls` knows. One source alone is asked directly, for it stands on the path of every request. */
export function statusFrom(
  { status, crls: configured = [] }: RevocationOptions,
  crls: RevocationStatus,
): RevocationStatus {
  if (!status) return crls;
  return configured.length === 0 ? status : firstKnown(status, crls);
}
