import type { ValidatedPath } from '../x509/index.js';
import type { Authorizer } from './authorizer.js';
import type { CrlSource } from './revocation/crl-source.js';
import type { RevocationStatus } from './revocation/revocation-status.js';
import type { RolesInput } from './service-roles.js';
import type { ShadowedRequest } from './shadowed-request.js';
import type { CertificateInput, CurrentTrust } from './trust-anchors.js';

/** What happens when nobody can say whether a certificate is revoked: refuse, let pass with a log line, or do not ask at all. */
export type RevocationMode = 'hard-fail' | 'soft-fail' | 'off';

/** Options of `MtlsModule.forRoot`. */
export interface MtlsOptions {
  /** The CAs whose certificates are accepted: PEM or DER, or a function for trust that changes while running. */
  readonly trustAnchors: CertificateInput | CurrentTrust;
  /** CA certificates between the anchors and the clients, when the bundle of anchors does not hold them. A peer's own are not used. */
  readonly intermediates?: CertificateInput;
  /** The services that may call at all, by exact name, or an authorizer of your own, asked on each request. Nobody else passes. */
  readonly services: readonly string[] | Authorizer;
  /** The roles of services, for `@AllowRoles()`. */
  readonly roles?: RolesInput;
  /** When set, the leaf's issuer must carry exactly this organization. */
  readonly issuerOrganization?: string;
  /** How long ago a certificate may have expired on routes with `@AllowExpired()`, in milliseconds. Default 0: not at all. */
  readonly expiredGrace?: number;
  /** Paths that need no certificate, besides routes with `@Public()`: exact, or a prefix that ends in `/*`. */
  readonly exemptPaths?: readonly string[];
  readonly revocation?: {
    /** Default `hard-fail`. */
    readonly mode?: RevocationMode;
    /** CRLs in files or at URLs, PEM or DER, of any CA among the trust anchors. */
    readonly crls?: readonly CrlSource[];
    /** How often files are looked at and URLs fetched, in milliseconds. Default 60 000; files at least every second. */
    readonly refreshInterval?: number;
    /** Another source, asked before the CRLs. */
    readonly status?: RevocationStatus;
  };
  /** Hears of each peer that is let in, by its validated path and the time in milliseconds: at its first request, and again now and then. Must be quick. */
  readonly onPeer?: (path: ValidatedPath, time: number) => void;
  /** Hears of each request that was let pass because what refuses it is only tried, by an authorizer's `shadow` or `@Shadow()`. Must be quick. */
  readonly onShadow?: (request: ShadowedRequest) => void;
  /** The clock; for tests. */
  readonly clock?: () => Date;
}
