import { text } from './setting.js';

/** What a service can be allowed to do beyond calling. */
export const ROLES = ['admin', 'issuer', 'auditor', 'metrics', 'backup'] as const;

/** What the guard reads as a service's name: anything else on a list would never match. A common name has 1 to 64 characters (RFC 5280 §A.1, ub-common-name). */
export const serviceName = text(
  'the name of a service, 1 to 64 letters, digits, dots, hyphens and underscores',
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
  64,
);
