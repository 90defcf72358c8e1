import { lastChangeOfAuthorities, listIssuers, type Database } from '../../store/index.js';
import { decodeCertificate, type Certificate } from '../../x509/index.js';
import { isTrusted } from '../issuer/authority.js';

// Seconds; a CA is published long before it issues.
const REFRESH_HINT = 300;

/**
 * The trust bundle as the store has it, whichever process changed it last. Its sequence is made of the time and the number of the last change in the
 * record: it rises when a clock is put back, and after a restore. Throws what the store throws.
 */
export async function readSpiffeBundle(database: Database): Promise<string> {
  for (;;) {
    const before = await trustedCertificates(database);
    const { at, sequence } = await lastChangeOfAuthorities(database);
    // Both as of one moment, without a lock for the length of the record.
    if (sameCertificates(before, await trustedCertificates(database))) return encodeSpiffeBundle(before, at + sequence);
  }
}

/**
 * The trust bundle of a trust domain as a JWK set (SPIFFE Trust Domain and Bundle §4, X509-SVID §6.1): a key for `x509-svid` with the certificate of each
 * CA.
 */
function encodeSpiffeBundle(certificates: readonly Certificate[], sequence: number): string {
  const keys = certificates.map(({ publicKey, der }) => ({
    ...publicKey.keyObject.export({ format: 'jwk' }),
    use: 'x509-svid',
    x5c: [Buffer.from(der).toString('base64')],
  }));
  return JSON.stringify({ keys, spiffe_sequence: sequence, spiffe_refresh_hint: REFRESH_HINT });
}

const trustedCertificates = async (database: Database): Promise<Certificate[]> =>
  (await listIssuers(database)).filter(isTrusted).map(({ der }) => decodeCertificate(der));

const sameCertificates = (a: readonly Certificate[], b: readonly Certificate[]): boolean =>
  a.map(({ fingerprint256 }) => fingerprint256).join() === b.map(({ fingerprint256 }) => fingerprint256).join();
