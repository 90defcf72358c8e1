import { crlFileName, issuingOf, PkiError, readPublished, replaceFile } from '../pki/index.js';
import { encodePem } from '../x509/index.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { checkOutputFile } from './files.js';
import { checkIssuer, configurationOf, pkiSettingsOf, requester, withLists, type Session } from './session.js';

/**
 * `veritas crl`: signs and publishes a revocation list now, of the named issuer or of the one that issues. The copy for `--out` is in DER, or in PEM
 * when the name ends in .pem. Throws PkiError `issuer_unknown`.
 */
export async function crl(
  session: Session,
  options: { readonly issuer?: string; readonly scope?: string; readonly out?: string },
): Promise<void> {
  checkOutputFile(options.out, configurationOf(session));
  await withLists(session, async ({ authorities, crls }, configuration) => {
    const wanted = options.issuer ?? issuingOf(authorities).id;
    checkIssuer(authorities, wanted);
    const list = await crls.sign(wanted, requester(), options.scope).catch((error: unknown) => {
      if (options.scope === undefined || !(error instanceof PkiError) || error.code !== 'authority_missing')
        throw error;
      throw new CommandError(
        error.message,
        ExitCode.refused,
        'leave --scope out, or see pki.crlDeltaLifetime and pki.crlShards',
      );
    });
    const { number, thisUpdate, nextUpdate, issuer, scope } = list;
    if (options.out !== undefined) {
      const der = await readPublished(list);
      replaceFile(options.out, options.out.endsWith('.pem') ? encodePem('X509 CRL', der) : der, 0o644);
    }
    const { crlDirectory = '.' } = pkiSettingsOf(configuration);
    const file = options.out ?? `${crlDirectory}/${crlFileName(issuer, scope)}`;
    session.output.result(
      {
        issuer,
        scope,
        number,
        this_update: thisUpdate.toISOString(),
        next_update: nextUpdate.toISOString(),
        octets: list.octets,
        file,
      },
      `Revocation list ${number} of ${issuer}, until ${nextUpdate.toISOString()}: ${file}`,
    );
  });
}
