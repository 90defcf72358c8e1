import { TlsSetupError, type TlsMaterial } from '../tls/index.js';
import { nameToString, Oid } from '../x509/index.js';

/**
 * Insists that what the listener presents may be a server's: with an extended key usage for something else (RFC 5280 §4.2.1.12) no client would
 * connect. `path` is the file that it is from. Throws TlsSetupError.
 */
export function checkServerCertificate({ certificate }: Pick<TlsMaterial, 'certificate'>, path: string): void {
  const { subject, extensions } = certificate;
  const purposes = extensions.extendedKeyUsage;
  if (purposes === undefined || [Oid.serverAuth, Oid.anyExtendedKeyUsage].some((one) => purposes.includes(one))) return;
  throw new TlsSetupError(
    `tls.certificateFile: the certificate of ${nameToString(subject)} in ${path} is not for servers: name one with the extended key usage serverAuth (\`veritas issue --profile server\`).`,
  );
}
