import { PkiError } from '../pki-error.js';

const END_ENTITY = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const;

/** A reason that ends a certificate for good (RFC 5280 §5.3.1). */
export type RevocationReason = (typeof END_ENTITY)[number] | 'cACompromise';

/** The reasons that can be given, for help texts. */
export const revocationReasons: readonly RevocationReason[] = [...END_ENTITY, 'cACompromise'];

/**
 * The reason of that name. Throws PkiError `reason_not_allowed` for certificateHold and removeFromCRL, since a revocation is final here, for
 * aACompromise, since there are no attribute certificates, for cACompromise of what is no CA, and for words that are no reason.
 */
export function revocationReason(name: string, isAuthority: boolean): RevocationReason {
  const reason = revocationReasons.find((each) => each === name);
  if (reason === undefined)
    throw new PkiError(
      'reason_not_allowed',
      `${JSON.stringify(name.slice(0, 64))} is no reason to revoke for; a hold is not among them`,
    );
  if (reason === 'cACompromise' && !isAuthority)
    throw new PkiError('reason_not_allowed', 'cACompromise is a reason to revoke a CA, not an end entity');
  return reason;
}
