import { serialArgument } from './arguments.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { readCertificate } from './files.js';
import { requester, withAuthority, type Session } from './session.js';

/** The flags of `veritas revoke`. */
export interface RevokeOptions {
  readonly cert?: string;
  readonly reason?: string;
}

/** `veritas revoke`: revokes for good, then signs the revocation lists that are due because of it. */
export async function revoke(session: Session, serial: string | undefined, options: RevokeOptions): Promise<void> {
  if ((serial === undefined) === (options.cert === undefined))
    throw new CommandError(
      'name a serial number or a certificate, one of the two',
      ExitCode.usage,
      'veritas revoke SERIAL, or veritas revoke --cert FILE',
    );
  const serialNumber =
    options.cert === undefined
      ? serialArgument(serial ?? '')
      : (await readCertificate(options.cert, session)).serialNumber;
  await withAuthority(session, {}, async ({ ca, crls }) => {
    const by = requester();
    const revocation = await ca.revoke({ serialNumber, reason: options.reason, requester: by });
    const revokedAt = revocation.revokedAt.toISOString();
    session.output.result(
      {
        serial_number: serialNumber,
        reason: revocation.reason,
        revoked_at: revokedAt,
        already_revoked: revocation.already,
      },
      revocation.already
        ? `${serialNumber} was revoked on ${revokedAt} already (${revocation.reason})`
        : `${serialNumber} is revoked (${revocation.reason})`,
    );
    const signed = await crls.publishIfDue(by);
    for (const { issuer, number } of signed) session.output.progress(`Signed revocation list ${number} of ${issuer}.`);
  });
}
