import { PkiError } from '../pki-error.js';

const END_ENTITY = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const;

/** The reason that can be taken back (RFC 5280 §5.3.1). */
export const HOLD = 'certificateHold';

/** A reason to revoke for (RFC 5280 §5.3.1). All of them are for good except certificateHold. */
export type RevocationReason = (typeof END_ENTITY)[number] | 'cACompromise' | typeof HOLD;

/** The reasons that can be given, for help texts. */
export const revocationReasons: readonly RevocationReason[] = [...END_ENTITY, HOLD, 'cACompromise'];

/**
 * The reason of that name. Throws PkiError `reason_not_allowed` for removeFromCRL, which releases; for aACompromise, since there are no attribute certificates;
 * for cACompromise of an end entity and certificateHold of a CA; and for any word that is not a reason.
 */
export function revocationReason(name: string, isAuthority: boolean): RevocationReason {
  const reason = revocationReasons.find((each) => each === name);
  if (reason === undefined)
    throw new PkiError('reason_not_allowed', `${JSON.stringify(name.slice(0, 64))} is not a reason to revoke for`);
  if (reason === 'cACompromise' && !isAuthority)
    throw new PkiError('reason_not_allowed', 'cACompromise is a reason to revoke a CA, not an end entity');
  if (reason === HOLD && isAuthority)
    throw new PkiError(
      'reason_not_allowed',
      'the certificate of a CA is not put on hold: everything below it would be',
    );
  return reason;
}
