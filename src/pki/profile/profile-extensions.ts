import { encodeExtensionOf, type Extension, type GeneralName, type SubjectPublicKeyInfo } from '../../x509/index.js';
import { fixedExtensions, type Publication } from './fixed-extensions.js';
import type { Profile } from './profile.js';

/** Every extension of a certificate of this profile, in the order they are written. The request has no say in it but for `names`. */
export function profileExtensions(
  profile: Profile,
  about: Publication & { readonly publicKey: SubjectPublicKeyInfo; readonly names: readonly GeneralName[] },
): Extension[] {
  const { publicKey, names } = about;
  const fixed = fixedExtensions(profile, about);
  return [
    fixed.basicConstraints,
    fixed.keyUsage(publicKey),
    ...fixed.extendedKeyUsage,
    encodeExtensionOf.subjectKeyIdentifier(publicKey.keyIdentifier),
    fixed.authorityKeyIdentifier,
    ...(names.length > 0 ? [encodeExtensionOf.subjectAltName(names)] : []),
    ...fixed.last,
  ];
}
