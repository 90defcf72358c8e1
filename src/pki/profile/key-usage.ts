import { KeyUsage, Oid, type SubjectPublicKeyInfo } from '../../x509/index.js';
import type { EndEntityProfile, Profile } from './profile.js';

/** The key usages of a certificate of this profile for a key of this kind (RFC 5280 §4.2.1.3). */
export const keyUsageOf = (profile: Profile, publicKey: SubjectPublicKeyInfo): number[] =>
  profile.kind === 'authority' ? [KeyUsage.keyCertSign, KeyUsage.cRLSign] : keyUsageFor(publicKey, profile);

/**
 * cRLSign for lists; else digitalSignature, and keyEncipherment for RSA, whose key exchange TLS 1.2 may still use (RFC 5246 §7.4.2), unless the profile says
 * otherwise: then what it says and a key of this kind can do (RFC 3279 §2.3).
 */
function keyUsageFor(
  publicKey: SubjectPublicKeyInfo,
  { keyUse, keyUsages }: Pick<EndEntityProfile, 'keyUse' | 'keyUsages'>,
): number[] {
  if (keyUse === 'lists') return [KeyUsage.cRLSign];
  const { type } = publicKey.parameters;
  const isRsa = type === 'rsa' && publicKey.algorithm.oid === Oid.rsaEncryption;
  const usual = keyUse === 'handshakes' && isRsa ? [KeyUsage.keyEncipherment] : [];
  const able: readonly number[] = [
    ...(isRsa ? [KeyUsage.keyEncipherment] : []),
    ...(type === 'ec' ? [KeyUsage.keyAgreement] : []),
  ];
  return [KeyUsage.digitalSignature, ...(keyUsages ? able.filter((usage) => keyUsages.includes(usage)) : usual)];
}
