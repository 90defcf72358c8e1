import type { Certificate } from '../../x509/index.js';

/** How often a consumer should look again, in seconds: a CA is published long before it issues. */
const BUNDLE_REFRESH_HINT = 300;

/**
 * The trust bundle of a trust domain as a JWK set (SPIFFE Trust Domain and Bundle §4, X509-SVID §6.1): a key for `x509-svid` with the certificate of each
 * CA. `sequence` must rise with each change.
 */
export function encodeSpiffeBundle(certificates: readonly Certificate[], sequence: number): string {
  const keys = certificates.map(({ publicKey, der }) => ({
    ...publicKey.keyObject.export({ format: 'jwk' }),
    use: 'x509-svid',
    x5c: [Buffer.from(der).toString('base64')],
  }));
  return JSON.stringify({ keys, spiffe_sequence: sequence, spiffe_refresh_hint: BUNDLE_REFRESH_HINT });
}
