import { serialNumberFromString } from '../x509/index.js';
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
  const certificate = options.cert === undefined ? undefined : await readCertificate(options.cert, session);
  const serialNumber = certificate?.serialNumber ?? serialNumberFromString(serial ?? '') ?? serial ?? '';
  await withAuthority(session, {}, async ({ ca, crls }) => {
    const known = certificate && (await ca.find(serialNumber));
    // A serial number is easily copied into a certificate of somebody's own making.
    if (certificate && known && known.fingerprint !== certificate.fingerprint256)
      throw new CommandError(
        `${options.cert} has the serial number of a certificate of this CA, and is not that certificate`,
        ExitCode.refused,
        'look at the file with veritas show FILE; to revoke the one of this CA, name its serial number',
      );
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
