import { ExternalRootService, replaceFile } from '../pki/index.js';
import { decodeCertificateList, encodePem, nameToString, octetsFromPemOrDer } from '../x509/index.js';
import { CommandError, messageOf } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { checkOutputFile, readCertificate, readInputFile } from './files.js';
import { configurationOf, requester, withAuthority, withNewStore, type Session } from './session.js';

/** What `veritas ca install` brings in. */
export interface InstallOptions {
  readonly cert?: string;
  readonly root?: string;
  readonly crl?: string;
}

/** `veritas ca request`: makes the key of the next issuing CA, and the request for its certificate. */
export async function caRequest(session: Session, { out }: { readonly out?: string }): Promise<void> {
  checkOutputFile(out, configurationOf(session));
  await withNewStore(session, async (store, settings) => {
    const external = new ExternalRootService({ store, settings, now: session.now });
    const { id, request } = await external.request(requester());
    const pem = encodePem('CERTIFICATE REQUEST', request.der);
    if (out !== undefined) replaceFile(out, pem, 0o644);
    session.output.progress(
      `A request for ${nameToString(request.subject)}. Have it signed by the root, and bring the certificate in with \`veritas ca install\`.`,
    );
    session.output.result({ id, subject: nameToString(request.subject), file: out ?? null, request: pem }, out ?? pem);
  });
}

/** `veritas ca install`: brings in the certificate that the root signed, its revocation list, or both. */
export async function caInstall(session: Session, { cert, root, crl }: InstallOptions): Promise<void> {
  if ((cert === undefined) !== (root === undefined))
    throw new CommandError('--cert and --root go together', ExitCode.usage, 'give both');
  if (cert === undefined && crl === undefined)
    throw new CommandError(
      'there is nothing to install',
      ExitCode.usage,
      'give --cert and --root, --crl, or all three',
    );
  await withNewStore(session, async (store, settings) => {
    const external = new ExternalRootService({ store, settings, now: session.now });
    const result: Record<string, unknown> = {};
    const lines: string[] = [];
    const issuing = cert === undefined ? undefined : await readCertificate(cert, session);
    const above = root === undefined ? undefined : await readCertificate(root, session);
    const list = crl === undefined ? undefined : await readList(crl, session);
    if (list) await external.checkCrl(list, above);
    if (issuing && above) {
      const installed = await external.install(issuing, above, requester());
      result.certificate = installed;
      lines.push(
        `${installed.id}, below ${installed.root}: ${installed.state}${installed.already ? ', was installed before' : ''}`,
      );
    }
    if (list) {
      const { issuer, number, nextUpdate, revoked, already } = await external.installCrl(list, requester());
      result.crl = { issuer, number, next_update: nextUpdate.toISOString(), revoked, already };
      lines.push(
        `Revocation list ${number} of ${issuer}, until ${nextUpdate.toISOString()}${already ? ', was installed before' : ''}`,
        ...revoked.map((serial) => `Revoked by it: ${serial}`),
      );
    }
    session.output.result(result, lines.join('\n'));
  });
  // Publishes what came in: the trust files, the list that was brought in, and the first list of the new CA.
  await withAuthority(session, {}, async ({ ca, crls, ocsp }) => {
    await crls.publishIfDue(requester());
    // As a step of a rollover does.
    await ocsp?.open();
    const without = ca.authorities.filter(({ id, keyHere }) => !keyHere && !crls.current(id));
    for (const { id } of without)
      session.output.progress(
        `There is no revocation list of ${id} yet: none is served, and whoever asks for one cannot know whether the issuing CA is revoked. Bring it in with \`veritas ca install --crl\`.`,
      );
  });
}

async function readList(path: string, session: Session) {
  const octets = await readInputFile(path, session);
  try {
    return decodeCertificateList(octetsFromPemOrDer(octets, 'X509 CRL')[0]);
  } catch (error) {
    throw new CommandError(
      `${path} is not a revocation list (${messageOf(error)})`,
      ExitCode.refused,
      'name a PEM or DER file of a CRL',
    );
  }
}
