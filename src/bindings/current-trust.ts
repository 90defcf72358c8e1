import type { Configuration } from '../configuration/index.js';
import { readTrustAnchors, type CurrentTrust, type TrustAnchors } from '../mtls/index.js';
import { isSameTrust, TlsSetupError, type TlsMaterial } from '../tls/index.js';

/**
 * Gives the guard the trust that the listener's CA files hold. It is read again only when the listener has taken up other files. Throws as {@link
 * trustIn}.
 */
export function currentTrust(material: () => TlsMaterial, configuration: Configuration): CurrentTrust {
  let before = material();
  let trust = trustIn(before, configuration);
  return () => {
    const current = material();
    if (current !== before) {
      if (!isSameTrust(current, before)) trust = trustIn(current, configuration);
      before = current;
    }
    return trust;
  };
}

/** The trust that the CA files give. Throws a TlsSetupError that names the files. */
export function trustIn(
  { caPem, intermediates }: Pick<TlsMaterial, 'caPem' | 'intermediates'>,
  { tls: { caFile }, mtls }: Configuration,
): TrustAnchors {
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
