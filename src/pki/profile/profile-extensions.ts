import {
  encodeExtensionOf,
  KeyUsage,
  Oid,
  TlsFeature,
  type Extension,
  type GeneralName,
  type SubjectPublicKeyInfo,
} from '../../x509/index.js';
import { COMPLETE, crlUrl, DELTA } from '../crl/crl-scope.js';
import type { IssuerIdentity } from '../issuer/issuer-identity.js';
import { isAskedAbout, type EndEntityProfile, type Profile } from './profile.js';

/** Where an issuer's CRL and certificate are served, and OCSP requests answered (RFC 5280 §4.2.1.13, §4.2.2.1); `shard`: that of the certificate, 0 when it is in none. */
export const publicationUrls = (
  publicationUrl: string,
  issuer: string,
  shard = 0,
): { readonly crl: string; readonly certificate: string; readonly ocsp: string } => ({
  crl: crlUrl(publicationUrl, issuer, shard === 0 ? COMPLETE : String(shard)),
  certificate: `${publicationUrl}/ca/${issuer}.cer`,
  ocsp: `${publicationUrl}/ocsp`,
});

/** Which lists the certificates of an issuing CA name. */
export interface ListPoints {
  /** The shard of the certificate, 0 when it is in none. */
  readonly crlShard?: number;
  /** Whether the complete list has a delta. */
  readonly hasDelta?: boolean;
}

/** Every extension of a certificate of this profile, in the order they are written. The request has no say in it but for `names`. */
export function profileExtensions(
  profile: Profile,
  {
    issuer,
    publicKey,
    names,
    publicationUrl,
    ocsp = false,
    crlShard = 0,
    hasDelta = false,
  }: ListPoints & {
    readonly issuer: IssuerIdentity;
    readonly publicKey: SubjectPublicKeyInfo;
    readonly names: readonly GeneralName[];
    readonly publicationUrl: string;
    /** Whether OCSP requests are answered. */
    readonly ocsp?: boolean | undefined;
  },
): Extension[] {
  const identifiers = [
    encodeExtensionOf.subjectKeyIdentifier(publicKey.keyIdentifier),
    encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: issuer.keyIdentifier }),
  ];
  const base = profile.publicationUrl ?? publicationUrl;
  const urls = publicationUrls(base, issuer.id, crlShard);
  const lists = [
    encodeExtensionOf.crlDistributionPoints([urls.crl]),
    // A shard has no delta.
    ...(hasDelta && crlShard === 0 ? [encodeExtensionOf.freshestCrl([crlUrl(base, issuer.id, DELTA)])] : []),
  ];
  const publication = [
    ...(isAskedAbout(profile) ? lists : []),
    encodeExtensionOf.authorityInfoAccess([
      ...(ocsp && isAskedAbout(profile)
        ? [{ accessMethod: Oid.ocsp, accessLocation: { kind: 'uri', value: urls.ocsp } } as const]
        : []),
      { accessMethod: Oid.caIssuers, accessLocation: { kind: 'uri', value: urls.certificate } },
    ]),
  ];
  if (profile.kind === 'authority')
    return [
      encodeExtensionOf.basicConstraints({ cA: true, pathLenConstraint: profile.pathLenConstraint }),
      encodeExtensionOf.keyUsage([KeyUsage.keyCertSign, KeyUsage.cRLSign]),
      ...identifiers,
      ...(profile.nameConstraints ? [encodeExtensionOf.nameConstraints(profile.nameConstraints)] : []),
      // Nobody above a root says anything about it.
      ...(profile.name === 'root' ? [] : publication),
    ];
  return [
    encodeExtensionOf.basicConstraints({ cA: false, pathLenConstraint: undefined }),
    encodeExtensionOf.keyUsage(keyUsageFor(publicKey, profile)),
    ...(profile.purposes.length > 0 ? [encodeExtensionOf.extendedKeyUsage(profile.purposes)] : []),
    ...identifiers,
    encodeExtensionOf.subjectAltName(names),
    ...publication,
    ...(profile.noRevocation ? [encodeExtensionOf.noRevAvail()] : []),
    ...(profile.keyUse === 'responses' ? [encodeExtensionOf.ocspNoCheck()] : []),
    ...(profile.mustStaple ? [encodeExtensionOf.tlsFeature([TlsFeature.statusRequest])] : []),
  ];
}

/**
 * cRLSign for lists; else digitalSignature, and keyEncipherment for RSA, whose key exchange TLS 1.2 may still use (RFC 5246 §7.4.2), unless the profile says
 * otherwise: then what it says and a key of this kind can do (RFC 3279 §2.3).
 */
export function keyUsageFor(
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
