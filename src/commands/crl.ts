import { PkiError, replaceFile } from '../pki/index.js';
import { encodePem } from '../x509/index.js';
import { requester, withAuthority, type Session } from './session.js';

/** `veritas crl`: signs and publishes the revocation list of an issuer now, of the one that issues when none is named. Throws PkiError `issuer_unknown`. `--out` as DER, or as PEM when the name ends in .pem. */
export async function crl(
  session: Session,
  options: { readonly issuer?: string; readonly out?: string },
): Promise<void> {
  await withAuthority(session, {}, async ({ ca, crls, settings }) => {
    const wanted = options.issuer ?? ca.issuing.id;
    if (!ca.authorities.some(({ id }) => id === wanted))
      throw new PkiError('issuer_unknown', `there is no CA ${JSON.stringify(wanted.slice(0, 64))}`);
    const { der, number, thisUpdate, nextUpdate, issuer } = await crls.sign(wanted, requester());
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
