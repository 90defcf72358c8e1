import {
  KeyUsage,
  nameFrom,
  Oid,
  sameName,
  type CertificationRequest,
  type Name,
  type NameConstraints,
} from '../../x509/index.js';
import type { Authority } from '../issuer/authority.js';
import { isAuthoritySubject } from '../issuer/authority-subject.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';
import type { AuthorityProfile, IntermediateProfile } from '../profile/profile.js';
import { checkPublicKey } from './public-key-policy.js';
import { AcceptedRequest, lifetimeOf } from './accepted-request.js';
import { quote } from './name-policy.js';
import { checkKeyIdentifier, checkKnownExtensions } from './requested-extensions.js';
import { requestedService } from './requested-subject.js';

/** A CA that an operator wants below one of ours, and whose key is elsewhere. */
export interface IntermediateRequest {
  /** A PKCS#10 request, PEM or DER. */
  readonly request: Uint8Array | string;
  /** `intermediate` when absent. */
  readonly profile?: string | undefined;
  /** The id of the CA that signs; the active root when absent. */
  readonly issuer?: string | undefined;
  /** How many CAs may follow below it; as the profile says when absent, and else none. */
  readonly pathLenConstraint?: number | undefined;
  /** What certificates below it may name; as the profile says when absent, and else anything. */
  readonly nameConstraints?: NameConstraints | undefined;
  /** Seconds; the profile's own when absent, and never beyond the CA that signs. */
  readonly lifetime?: number | undefined;
  readonly requester: Requester;
}

const COMMON_NAME = /^[\p{L}\p{N}](?:[\p{L}\p{N} ._-]{0,62}[\p{L}\p{N}])?$/u;
const READ: ReadonlySet<string> = new Set([Oid.basicConstraints, Oid.keyUsage, Oid.subjectKeyIdentifier]);
const KEY_USAGES: ReadonlySet<number> = new Set([KeyUsage.keyCertSign, KeyUsage.cRLSign]);

/**
 * Applies a profile of intermediate CAs to a request, below `authority`. Throws PkiError `ca_below_not_allowed` when there may be no such CA below it,
 * `ca_limits_not_allowed` for limits that the profile does not give, `subject_not_allowed` for the name of one of our CAs, and the codes of every request.
 */
export function acceptIntermediate(
  request: CertificationRequest,
  wanted: IntermediateRequest,
  {
    profile,
    authority,
    authorities,
    organization,
  }: {
    readonly profile: IntermediateProfile;
    readonly authority: Authority;
    readonly authorities: readonly Authority[];
    readonly organization: string;
  },
): AcceptedRequest {
  const { name, keyTypes, minimumRsaBits, maximumLifetime } = profile;
  const { pathLenConstraint, nameConstraints } = limitsOf(wanted, profile);
  checkRoomBelow(authority, pathLenConstraint);
  checkExtensions(request, pathLenConstraint);
  const subject = subjectOf(request, organization);
  // Each of their names is that of one CA (RFC 5280 §4.1.2.6).
  if (
    isAuthoritySubject(subject, { organization }) ||
    authorities.some(({ certificate }) => sameName(certificate.subject, subject))
  )
    throw new PkiError('subject_not_allowed', 'the request asks for the name of one of our own CAs');
  checkPublicKey(request.publicKey, { keyTypes, minimumRsaBits });
  return AcceptedRequest.acceptAuthority(request.publicKey, {
    profile: {
      kind: 'authority',
      name,
      pathLenConstraint,
      nameConstraints,
      lifetime: lifetimeOf(profile, wanted.lifetime),
      maximumLifetime,
      backdate: profile.backdate,
      publicationUrl: profile.publicationUrl,
    },
    subject,
    requester: wanted.requester,
  });
}

/** The limits of the profile cannot be asked for otherwise, except for a shorter path length. */
function limitsOf(
  wanted: IntermediateRequest,
  profile: IntermediateProfile,
): { readonly pathLenConstraint: number; readonly nameConstraints: AuthorityProfile['nameConstraints'] } {
  const longest = profile.pathLenConstraint;
  const { pathLenConstraint = longest ?? 0, nameConstraints = profile.nameConstraints } = wanted;
  if (longest !== undefined && pathLenConstraint > longest)
    throw new PkiError('ca_limits_not_allowed', `profile ${profile.name} gives a path length of at most ${longest}`);
  if (profile.nameConstraints && nameConstraints !== profile.nameConstraints)
    throw new PkiError('ca_limits_not_allowed', `profile ${profile.name} has name constraints, and takes no others`);
  return { pathLenConstraint, nameConstraints };
}

/** RFC 5280 §4.2.1.9: pathLenConstraint counts the CAs that may follow. */
function checkRoomBelow({ id, certificate }: Authority, pathLenConstraint: number): void {
  if (!Number.isSafeInteger(pathLenConstraint) || pathLenConstraint < 0 || pathLenConstraint > 8)
    throw new PkiError('ca_limits_not_allowed', 'a path length is a whole number from 0 to 8');
  const room = certificate.extensions.basicConstraints?.pathLenConstraint;
  if (room === 0)
    throw new PkiError('ca_below_not_allowed', `the CA ${id} may have no CA below it (pathLenConstraint 0)`);
  if (room !== undefined && pathLenConstraint >= room)
    throw new PkiError('ca_below_not_allowed', `below the CA ${id} a path length is at most ${room - 1}`);
}

/** The profile decides: a request for something else is refused, instead of silently getting less. */
function checkExtensions(request: CertificationRequest, pathLenConstraint: number): void {
  checkKnownExtensions(request, READ);
  const { basicConstraints, keyUsage } = request.extensions;
  if (basicConstraints && !basicConstraints.cA)
    throw new PkiError('ca_limits_not_allowed', 'the request asks for a certificate that is not a CA’s');
  const asked = basicConstraints?.pathLenConstraint;
  if (asked !== undefined && asked !== pathLenConstraint)
    throw new PkiError(
      'ca_limits_not_allowed',
      `the request asks for the path length ${asked}, not ${pathLenConstraint}`,
    );
  if (keyUsage && [...keyUsage].some((bit) => !KEY_USAGES.has(bit)))
    throw new PkiError('key_usage_not_allowed', 'the request asks for a key usage that a CA of ours does not have');
  checkKeyIdentifier(request);
}

function subjectOf({ subject }: CertificationRequest, organization: string): Name {
  const commonName = requestedService(subject, organization);
  if (commonName === undefined || !COMMON_NAME.test(commonName))
    throw new PkiError('subject_not_allowed', `${quote(commonName ?? '')} is not a common name for a CA`);
  return nameFrom({ organization, commonName });
}
