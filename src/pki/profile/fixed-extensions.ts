import {
  encodedOnce,
  encodeExtensionOf,
  Oid,
  TlsFeature,
  type Extension,
  type SubjectPublicKeyInfo,
} from '../../x509/index.js';
import { COMPLETE, crlUrl, DELTA } from '../crl/crl-scope.js';
import type { IssuerIdentity } from '../issuer/issuer-identity.js';
import { keyUsageOf } from './key-usage.js';
import { isAskedAbout, type Profile } from './profile.js';

/**
 * Where an issuer's CRL and certificate are served, and OCSP requests answered (RFC 5280 §4.2.1.13, §4.2.2.1); `shard`: that of the certificate, 0 when it is
 * in none.
 */
const publicationUrls = (
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

/** What the extensions of a certificate say of its issuer. */
export interface Publication extends ListPoints {
  readonly issuer: IssuerIdentity;
  readonly publicationUrl: string;
  /** Whether OCSP requests are answered. */
  readonly ocsp?: boolean | undefined;
}

/** What a profile fixes of the certificates of one issuer and one shard, encoded once. */
export interface FixedExtensions {
  readonly basicConstraints: Extension;
  /** It depends on the kind of key, and on nothing else of it. */
  readonly keyUsage: (publicKey: SubjectPublicKeyInfo) => Extension;
  readonly extendedKeyUsage: readonly Extension[];
  readonly authorityKeyIdentifier: Extension;
  /** What stands behind the names, in its order. */
  readonly last: readonly Extension[];
}

const fixed = new WeakMap<Profile, WeakMap<IssuerIdentity, Map<string, FixedExtensions>>>();

/** As they were encoded for the certificate before. They go with their profile and their issuer. */
export function fixedExtensions(profile: Profile, publication: Publication): FixedExtensions {
  const { issuer, publicationUrl, ocsp = false, crlShard = 0, hasDelta = false } = publication;
  const ofProfile = fixed.get(profile) ?? new WeakMap<IssuerIdentity, Map<string, FixedExtensions>>();
  fixed.set(profile, ofProfile);
  const ofIssuer = ofProfile.get(issuer) ?? new Map<string, FixedExtensions>();
  ofProfile.set(issuer, ofIssuer);
  const key = `${crlShard} ${hasDelta} ${ocsp} ${publicationUrl}`;
  const known = ofIssuer.get(key) ?? encode(profile, publication);
  ofIssuer.set(key, known);
  return known;
}

function encode(profile: Profile, publication: Publication): FixedExtensions {
  const isAuthority = profile.kind === 'authority';
  const usages = new Map<string, Extension>();
  const keyUsage = (publicKey: SubjectPublicKeyInfo): Extension => {
    const { oid } = publicKey.algorithm;
    const known = usages.get(oid) ?? encodedOnce(encodeExtensionOf.keyUsage(keyUsageOf(profile, publicKey)));
    usages.set(oid, known);
    return known;
  };
  return {
    basicConstraints: encodedOnce(
      encodeExtensionOf.basicConstraints({
        cA: isAuthority,
        pathLenConstraint: isAuthority ? profile.pathLenConstraint : undefined,
      }),
    ),
    keyUsage,
    extendedKeyUsage:
      isAuthority || profile.purposes.length === 0
        ? []
        : [encodedOnce(encodeExtensionOf.extendedKeyUsage(profile.purposes))],
    authorityKeyIdentifier: encodedOnce(
      encodeExtensionOf.authorityKeyIdentifier({ keyIdentifier: publication.issuer.keyIdentifier }),
    ),
    last: lastOf(profile, publication).map(encodedOnce),
  };
}

function lastOf(profile: Profile, publication: Publication): Extension[] {
  if (profile.kind === 'authority')
    return [
      ...(profile.nameConstraints ? [encodeExtensionOf.nameConstraints(profile.nameConstraints)] : []),
      // Nobody above a root says anything about it.
      ...(profile.name === 'root' ? [] : publicationOf(profile, publication)),
    ];
  return [
    ...publicationOf(profile, publication),
    ...(profile.noRevocation ? [encodeExtensionOf.noRevAvail()] : []),
    ...(profile.keyUse === 'responses' ? [encodeExtensionOf.ocspNoCheck()] : []),
    ...(profile.mustStaple ? [encodeExtensionOf.tlsFeature([TlsFeature.statusRequest])] : []),
  ];
}

function publicationOf(
  profile: Profile,
  { issuer, publicationUrl, ocsp = false, crlShard = 0, hasDelta = false }: Publication,
): Extension[] {
  const base = profile.publicationUrl ?? publicationUrl;
  const urls = publicationUrls(base, issuer.id, crlShard);
  const isAsked = isAskedAbout(profile);
  const access = [
    ...(ocsp && isAsked ? [{ accessMethod: Oid.ocsp, url: urls.ocsp }] : []),
    { accessMethod: Oid.caIssuers, url: urls.certificate },
  ];
  return [
    ...(isAsked ? [encodeExtensionOf.crlDistributionPoints([urls.crl])] : []),
    // A shard has no delta.
    ...(isAsked && hasDelta && crlShard === 0 ? [encodeExtensionOf.freshestCrl([crlUrl(base, issuer.id, DELTA)])] : []),
    encodeExtensionOf.authorityInfoAccess(
      access.map(({ accessMethod, url }) => ({ accessMethod, accessLocation: { kind: 'uri', value: url } })),
    ),
  ];
}
