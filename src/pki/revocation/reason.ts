import { PkiError } from '../pki-error.js';

const END_ENTITY = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const;

/** The only reason that can be reversed (RFC 5280 §5.3.1). */
export const HOLD = 'certificateHold';

/** A reason for a revocation (RFC 5280 §5.3.1). All are final except certificateHold. */
export type RevocationReason = (typeof END_ENTITY)[number] | 'cACompromise' | typeof HOLD;

/** Whether a reason says that somebody else may have the key: nothing worse can be said of a certificate, and nothing takes it back. */
export const isCompromise = (reason: string): boolean => reason === 'keyCompromise' || reason === 'cACompromise';

/** All reasons that can be given. */
export const revocationReasons: readonly RevocationReason[] = [...END_ENTITY, HOLD, 'cACompromise'];

/**
 * Validates the name of a reason. Throws PkiError `reason_not_allowed` for removeFromCRL, which is no revocation; for aACompromise, because there are
 * no attribute certificates; for cACompromise of an end entity; for certificateHold of a CA; and for any other word.
 */
export function revocationReason(name: string, isAuthority: boolean): RevocationReason {
  const reason = revocationReasons.find((each) => each === name);
  if (reason === undefined)
    throw new PkiError('reason_not_allowed', `${JSON.stringify(name.slice(0, 64))} is not a reason for a revocation`);
  if (reason === 'cACompromise' && !isAuthority)
    throw new PkiError('reason_not_allowed', 'cACompromise is a reason to revoke a CA, not an end entity');
  if (reason === HOLD && isAuthority)
    throw new PkiError(
      'reason_not_allowed',
      'the certificate of a CA cannot be put on hold: every certificate below it would be on hold too',
    );
  return reason;
}
