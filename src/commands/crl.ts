import { replaceFile } from '../pki/index.js';
import { encodePem } from '../x509/index.js';
import { requester, withAuthority, type Session } from './session.js';

/** `veritas crl`: signs and publishes the revocation list of an issuer now. `--out` as DER, or as PEM when the name ends in .pem. */
export async function crl(
  session: Session,
  options: { readonly issuer: string; readonly out?: string },
): Promise<void> {
  await withAuthority(session, {}, async ({ crls, settings }) => {
    const { der, number, thisUpdate, nextUpdate, issuer } = await crls.sign(options.issuer, requester());
    if (options.out !== undefined)
      replaceFile(options.out, options.out.endsWith('.pem') ? encodePem('X509 CRL', der) : der, 0o644);
    const file = options.out ?? `${settings.crlDirectory ?? '.'}/${issuer}.crl`;
    session.output.result(
      {
        issuer,
        number,
        this_update: thisUpdate.toISOString(),
        next_update: nextUpdate.toISOString(),
        octets: der.length,
        file,
      },
      `Revocation list ${number} of ${issuer}, until ${nextUpdate.toISOString()}: ${file}`,
    );
  });
}
