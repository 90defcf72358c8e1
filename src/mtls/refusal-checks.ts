import type { RefusalCode } from './mtls.errors.js';

/** One check of the guard, as a log line has it. */
export interface GuardCheck {
  readonly check: string;
  readonly ok: boolean;
}

/** The check that each code comes from, in the order of `REFUSALS`, which is the order of the checks. */
export const CHECK_OF: Readonly<Record<RefusalCode, string>> = {
  client_certificate_required: 'certificate',
  client_certificate_malformed: 'readable',
  untrusted_issuer: 'path',
  certificate_not_yet_valid: 'dates',
  certificate_expired: 'dates',
  wrong_issuer: 'issuer',
  wrong_key_usage: 'key usage',
  certificate_revoked: 'revocation',
  revocation_unknown: 'revocation',
  service_not_allowed: 'service',
  route_not_allowed: 'route',
  rate_limited: 'rate',
  validation_failed: 'validation',
};

/** The checks up to the one that a code comes from: those before it passed. For an unforeseen failure it is not known which checks passed. */
export function checksUpTo(code: RefusalCode): GuardCheck[] {
  const failed = CHECK_OF[code];
  const names = [...new Set(Object.values(CHECK_OF))];
  const passed = code === 'validation_failed' ? [] : names.slice(0, names.indexOf(failed));
  return [...passed.map((check) => ({ check, ok: true })), { check: failed, ok: false }];
}
