import { hash } from 'node:crypto';
import type { AuthorityKeyIdentifier } from '../certificate-extensions.js';
import type { Certificate } from '../certificate.js';
import type { SubjectPublicKeyInfo } from '../public-key.js';

// Costs are counted in certificates of a path. This one is of an identifier that is not made of its key, which anybody can write into a certificate.
const UNPROVEN = 1;
const UNKNOWN_KEY = 2;
/** The cost of a certificate that has another key than the one that is wanted. */
export const OTHER_KEY = 8;

/**
 * The cost of the doubt whether a certificate has the key that `wanted` means: 0 when the key identifiers are equal and made of the key, more when one is
 * absent, and most when they differ. It orders candidates and rules none out (RFC 4158 §3.5.12): the signature decides.
 */
export function keyCost(wanted: AuthorityKeyIdentifier | undefined, certificate: Certificate): number {
  const has = certificate.extensions.subjectKeyIdentifier;
  if (!wanted?.keyIdentifier || !has) return UNKNOWN_KEY;
  if (Buffer.compare(wanted.keyIdentifier, has) !== 0) return OTHER_KEY;
  let isProven = proven.get(certificate);
  if (isProven === undefined) proven.set(certificate, (isProven = isMadeOf(has, certificate.publicKey)));
  return isProven ? 0 : UNPROVEN;
}

// The same certificate is asked about for each certificate that it may have issued.
const proven = new WeakMap<Certificate, boolean>();

/** Whether an identifier is the digest of its key by the usual methods: RFC 5280 §4.2.1.2 (1), RFC 7093 §2 (1). */
function isMadeOf(identifier: Uint8Array, { keyIdentifier, key }: SubjectPublicKeyInfo): boolean {
  return (
    Buffer.compare(identifier, keyIdentifier) === 0 ||
    Buffer.compare(identifier, hash('sha256', key, 'buffer').subarray(0, 20)) === 0
  );
}
