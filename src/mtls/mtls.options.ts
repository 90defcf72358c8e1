import type { RevocationOptions } from '../revocation/index.js';
import type { ValidatedPath } from '../x509/index.js';
import type { Authorizer } from './authorizer.js';
import type { FederatedDomain } from './federation/federated-trust.js';
import type { TrustedProxy } from './forwarded/trusted-proxies.js';
import type { RateExchange } from './rates/rate-exchange.js';
import type { RateOf } from './rates/rate-limiter.js';
import type { ServicePlace } from './service-name.js';
import type { RolesInput } from './service-roles.js';
import type { ShadowedRequest } from './shadowed-request.js';
import type { CertificateInput, CurrentTrust } from './trust-anchors.js';

/** Options of `MtlsModule.forRoot`. */
export interface MtlsOptions {
  /** The CAs whose certificates are accepted: PEM or DER, or a function where the trust changes while running. */
  readonly trustAnchors: CertificateInput | CurrentTrust;
  /** CA certificates between the anchors and the clients, where the bundle of anchors does not hold them. */
  readonly intermediates?: CertificateInput;
  /**
   * Whether paths may also lead over CA certificates that a client presents with its own. Default false: then a CA is out as soon as `intermediates` and
   * the bundle no longer hold it. When true, only its revocation by the CA above ends what it issued.
   */
  readonly presentedIntermediates?: boolean | undefined;
  /** Where the name of a service is read, in this order: the first place where the certificate has anything counts. Default `['cn']`. */
  readonly serviceFrom?: readonly ServicePlace[];
  /** The trust domain of the CAs in `trustAnchors`. When set, they vouch for no SPIFFE ID of another domain. */
  readonly trustDomain?: string | undefined;
  /** Other trust domains, each with CAs of its own, which vouch for SPIFFE IDs of that domain and for nothing else. */
  readonly trustDomains?: readonly FederatedDomain[];
  /**
   * The services that may call at all: exact names, SPIFFE IDs that may end in `/*`, or an authorizer of your own, which is asked on each request.
   * Nobody else passes.
   */
  readonly services: readonly string[] | Authorizer;
  /** The roles of services, for `@RequireRoles()`. */
  readonly roles?: RolesInput;
  /** How many requests each service may make. A service whose rate is undefined may make any number. */
  readonly rates?: {
    /** The rate of a service as a whole, asked on each request. */
    readonly of?: RateOf | undefined;
    /** Shares the rates with other nodes; without it each node counts by itself. */
    readonly exchange?: RateExchange;
  };
  /** When set, the leaf's issuer must carry exactly this organization. Certificates of other trust domains are not asked. */
  readonly issuerOrganization?: string;
  /** How long ago a certificate may have expired on routes with `@AllowExpired()`, in milliseconds. Default 0: not at all. */
  readonly expiredGrace?: number;
  /** Paths that need no certificate, besides routes with `@Public()`: exact, or a prefix that ends in `/*`. */
  readonly exemptPaths?: readonly string[];
  /**
   * Proxies that end TLS and forward their client's certificate in a header, each known by the certificate on its own connection. Nobody else may
   * send such a header, and a proxy calls nothing for itself.
   */
  readonly trustedProxies?: readonly TrustedProxy[];
  /** How revoked certificates are found. Without it revocation is not checked. */
  readonly revocation?: RevocationOptions;
  /**
   * Called for each peer that is let in, with its validated path and the time in milliseconds: at its first request, and again from time to time.
   * Must be quick.
   */
  readonly onPeer?: (path: ValidatedPath, time: number) => void;
  /**
   * Whether open connections are closed within a second when their certificate expires or is revoked, its CA is no longer trusted, or its service is
   * no longer allowed (told by the `epoch` of `services`). Default true. When false, the next request on such a connection is refused.
   */
  readonly cutConnections?: boolean;
  /**
   * Called for each request that was let pass although a rule that is only being tried (an authorizer's `shadow`, or `@Shadow()`) refuses it. Must be
   * quick.
   */
  readonly onShadow?: (request: ShadowedRequest) => void;
  /** The clock; for tests. */
  readonly clock?: () => Date;
}
