import { text } from './setting.js';

/** The roles that a service can have. A service without a role may only call. */
export const ROLES = ['admin', 'issuer', 'auditor', 'metrics', 'backup'] as const;

// As the guard reads it (SPIFFE-ID §2), with a path; at most 2 048 octets.
const SPIFFE_ID = String.raw`spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)`;
const NAME = String.raw`(?=[^/]{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?`;

/** A service by its name or its SPIFFE ID. A common name has 1 to 64 characters (RFC 5280 §A.1, ub-common-name), a DNS name up to 253. */
export const serviceOrSpiffeId = text(
  'the name of a service, of letters, digits, dots, hyphens and underscores, or a SPIFFE ID with a path',
  new RegExp(`^(?:${NAME}|${SPIFFE_ID}+)$`),
  2048,
);

/** As {@link serviceOrSpiffeId}, or `*`. */
export const serviceOrAny = text(
  'the name of a service, of letters, digits, dots, hyphens and underscores, a SPIFFE ID with a path, or *',
  new RegExp(`^(?:\\*|${NAME}|${SPIFFE_ID}+)$`),
  2048,
);

/** The SPIFFE ID of a service. */
export const spiffeId = text('a SPIFFE ID with a path', new RegExp(`^${SPIFFE_ID}+$`), 2048);

/** As {@link serviceOrSpiffeId}, or all SPIFFE IDs below one. */
export const servicePattern = text(
  'the name of a service, of letters, digits, dots, hyphens and underscores, or a SPIFFE ID, which may end in /*',
  new RegExp(`^(?:${NAME}|${SPIFFE_ID}+|${SPIFFE_ID}*/\\*)$`),
  2050,
);

/** The name of a trust domain (SPIFFE-ID §2.1). */
export const trustDomain = text(
  'the name of a trust domain, small letters, digits, dots, hyphens and underscores',
  /^[a-z0-9._-]+$/,
  255,
);

/**
 * A name of a service as the guard reads it: any other entry in a list would never match. A common name has 1 to 64 characters (RFC 5280 §A.1,
 * ub-common-name).
 */
export const serviceName = text(
  'the name of a service, 1 to 64 letters, digits, dots, hyphens and underscores',
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
  64,
);
