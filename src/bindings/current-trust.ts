import { intermediatesOf, type Configuration } from '../configuration/index.js';
import { readTrustAnchors, type CurrentTrust, type TrustAnchors } from '../mtls/index.js';
import { TlsSetupError, type TlsMaterial } from '../tls/index.js';

/** Binds the trust of the guard to the CA file that the listener has: read again only when that has taken up another one. Throws as {@link trustIn}. */
export function currentTrust(material: () => TlsMaterial, configuration: Configuration): CurrentTrust {
  let pem = material().caPem;
  let trust = trustIn(pem, configuration);
  return () => {
    const current = material().caPem;
    if (current !== pem) {
      trust = trustIn(current, configuration);
      pem = current;
    }
    return trust;
  };
}

/** The trust that a CA file gives, with the intermediates of the settings. Throws TlsSetupError that names the files, ConfigurationError. */
export function trustIn(caPem: string | undefined, { tls: { caFile }, mtls }: Configuration): TrustAnchors {
  const intermediates = intermediatesOf(mtls);
  try {
    return readTrustAnchors(caPem ?? '', intermediates);
  } catch (error) {
    const files = [
      `tls.caFile: ${caFile}`,
      ...(mtls.intermediatesFile ? [`mtls.intermediatesFile: ${mtls.intermediatesFile}`] : []),
    ];
    throw new TlsSetupError(`${files.join(', or ')} cannot be used as trust anchors: ${(error as Error).message}.`);
  }
}
