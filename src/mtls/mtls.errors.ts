/** A row of the table of refusals: what the caller is told, and what mends it. */
interface RefusalKind {
  readonly status: 400 | 401 | 403 | 429 | 500;
  readonly title: string;
  /** What the caller can do, in one sentence without any fact about this service. */
  readonly mend: string;
}

/**
 * Every way in which a request is refused for its client certificate, or because there are too many of them. The order is that of the checks: the
 * first ones tell a stranger nothing, and those that name a service come only after everything else has passed.
 */
export const REFUSALS = {
  client_certificate_required: {
    status: 401,
    title: 'Client certificate required',
    mend: 'Present a client certificate in the TLS handshake.',
  },
  client_certificate_malformed: {
    status: 400,
    title: 'Client certificate malformed',
    mend: 'Present a certificate that is strict DER in the form of RFC 5280; only trusted proxies hand one on in a header.',
  },
  untrusted_issuer: {
    status: 403,
    title: 'Untrusted issuer',
    mend: 'Present a certificate of a certification authority that this service trusts.',
  },
  certificate_not_yet_valid: {
    status: 403,
    title: 'Certificate not yet valid',
    mend: 'Wait until notBefore, or set the clock of the machine that issued it right.',
  },
  certificate_expired: {
    status: 403,
    title: 'Certificate expired',
    mend: 'Get a new certificate, and renew the next one before it ends.',
  },
  wrong_issuer: {
    status: 403,
    title: 'Wrong issuer',
    mend: 'Present a certificate whose issuer carries the organization that this service asks for.',
  },
  wrong_key_usage: {
    status: 403,
    title: 'Wrong key usage',
    mend: 'Present a certificate issued for client authentication (extended key usage clientAuth, key usage digitalSignature).',
  },
  certificate_revoked: {
    status: 403,
    title: 'Certificate revoked',
    mend: 'Get a new certificate with a new key; one that is on hold is good again when it is released.',
  },
  revocation_unknown: {
    status: 403,
    title: 'Revocation status unknown',
    mend: 'Try again later; the operator finds in the log which revocation list is missing or stale.',
  },
  service_not_allowed: {
    status: 403,
    title: 'Service not allowed',
    mend: 'Ask the operator to put the service on the allow-list.',
  },
  route_not_allowed: {
    status: 403,
    title: 'Route not allowed',
    mend: 'Ask the owner of the route to allow the service.',
  },
  rate_limited: {
    status: 429,
    title: 'Rate limited',
    mend: 'Ask again after the seconds in retry_after, and less often.',
  },
  validation_failed: {
    status: 500,
    title: 'Validation failed',
    mend: 'Try again; the operator finds the cause in the log under the request id.',
  },
} as const satisfies Record<string, RefusalKind>;

export type RefusalCode = keyof typeof REFUSALS;

/**
 * A request that is not let through. `message` is for the caller, and speaks of nothing but the caller's own mistake. `cause` and `evidence` are for
 * the log alone.
 */
export class MtlsRefusal extends Error {
  override readonly name = 'MtlsRefusal';
  readonly status: number;
  /** What the caller can do, in one sentence. */
  readonly mend: string;
  /** Whether the connection is of no more use, because its certificate stays what it is. */
  readonly endsConnection: boolean;

  constructor(
    readonly code: RefusalCode,
    message: string,
    /** What was seen, for the log: the rule, the certificate's subject and fingerprint. */
    readonly evidence: Readonly<Record<string, unknown>> = {},
    options: ErrorOptions & { readonly mend?: string; readonly endsConnection?: boolean } = {},
  ) {
    super(message, options);
    this.status = REFUSALS[code].status;
    this.mend = options.mend ?? REFUSALS[code].mend;
    this.endsConnection = options.endsConnection ?? (code === 'certificate_revoked' || code === 'certificate_expired');
  }

  /** The same refusal for a client behind a proxy. The proxy's connection carries other clients too, and stays open. */
  through(proxy: string): MtlsRefusal {
    const { code, message, mend, evidence, cause } = this;
    return new MtlsRefusal(code, message, { ...evidence, proxy }, { cause, mend, endsConnection: false });
  }
}
