import { hash } from 'node:crypto';
import { formatDuration } from '../../configuration/index.js';
import {
  generalNameToString,
  nameFrom,
  nameToString,
  type CertificationRequest,
  type GeneralName,
  type Name,
  type SubjectPublicKeyInfo,
} from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';
import type { AuthorityProfile, EndEntityProfile, Profile } from '../profile/profile.js';
import type { ReservedNames } from '../profile/reserved-names.js';
import { canonicalNames, checkServiceName, quote, type CertifiableName } from './name-policy.js';
import { checkPublicKey } from './public-key-policy.js';
import { checkRequestedExtensions } from './requested-extensions.js';
import { checkRequestedSubject, requestedService } from './requested-subject.js';
import { checkRequester } from './requester-policy.js';

/** What the requester was granted before, as the holder of a certificate or of a token. */
export interface GrantedTerms {
  /** The only service. */
  readonly service: string;
  /** The only names, besides the service's own. */
  readonly names: readonly GeneralName[];
}

/** What somebody wants and what they may have. */
export interface EndEntityTerms {
  readonly profile: EndEntityProfile;
  readonly organization: string;
  /** The service that the certificate is for; the request's common name when absent. */
  readonly service?: string | undefined;
  /** Names in addition to those of the request. */
  readonly names?: readonly GeneralName[];
  /** Nothing else may be had. Absent: what the requester may have by being who they are. */
  readonly granted?: GrantedTerms | undefined;
  readonly reserved?: ReservedNames | undefined;
  /** Seconds; the profile's own when absent. */
  readonly lifetime?: number | undefined;
  readonly requester: Requester;
}

/**
 * A request to which a profile was applied: every value in it may stand in a certificate. Only {@link accept} and {@link acceptAuthority} make one.
 */
export class AcceptedRequest {
  readonly profile: Profile;
  readonly subject: Name;
  /** RFC 4514 text, for people. */
  readonly subjectText: string;
  readonly publicKey: SubjectPublicKeyInfo;
  /** See {@link keyDigest}. */
  readonly keyDigest: string;
  readonly names: readonly CertifiableName[];
  readonly service: string | undefined;
  /** Seconds. */
  readonly lifetime: number;
  readonly requester: Requester;
  // Makes the type nominal: an object of the same shape is not one.
  readonly #accepted = true;

  private constructor(values: Omit<AcceptedRequest, 'subjectText' | 'keyDigest'>) {
    this.profile = values.profile;
    this.subject = values.subject;
    this.subjectText = nameToString(values.subject);
    this.publicKey = values.publicKey;
    this.keyDigest = keyDigest(values.publicKey.der);
    this.names = values.names;
    this.service = values.service;
    this.lifetime = values.lifetime;
    this.requester = values.requester;
    Object.freeze(this);
  }

  /** Whether `value` was made here. */
  static is(value: unknown): value is AcceptedRequest {
    return typeof value === 'object' && value !== null && #accepted in value && value.#accepted;
  }

  /** Applies a profile to a request. Throws PkiError with the code of the first thing that the requester may not have. */
  static accept(request: CertificationRequest, terms: EndEntityTerms): AcceptedRequest {
    const { profile, organization, requester } = terms;
    const service = terms.service ?? requestedService(request.subject, organization);
    if (service === undefined)
      throw new PkiError('service_name_malformed', 'neither the request nor its sender names a service');
    checkServiceName(service);
    checkRequestedSubject(request.subject, service, organization);
    checkPublicKey(request.publicKey, profile);
    checkRequestedExtensions(request, profile);
    const more = [...(request.extensions.subjectAltName ?? []), ...(terms.names ?? [])];
    const names = namesOf(profile, service, more);
    if (terms.granted) checkGranted({ service, names }, profile, terms.granted);
    else checkRequester({ service, names }, terms);
    return new AcceptedRequest({
      profile,
      subject: nameFrom({ organization, commonName: service }),
      publicKey: request.publicKey,
      names,
      service,
      lifetime: lifetimeOf(profile, terms.lifetime),
      requester,
    });
  }

  /** The request for the key of a CA. Throws PkiError `public_key_not_allowed`. */
  static acceptAuthority(
    publicKey: SubjectPublicKeyInfo,
    {
      profile,
      subject,
      requester,
    }: { readonly profile: AuthorityProfile; readonly subject: Name; readonly requester: Requester },
  ): AcceptedRequest {
    checkPublicKey(publicKey);
    const { lifetime } = profile;
    return new AcceptedRequest({ profile, subject, publicKey, names: [], service: undefined, lifetime, requester });
  }
}

/** SHA-256 of a SubjectPublicKeyInfo, lower-case hexadecimal: how the store knows a key. */
export function keyDigest(spki: Uint8Array): string {
  return hash('sha256', spki);
}

/** The names that a certificate of `service` gets: its own, where the profile has that, and `more`. Throws PkiError for what the profile does not give. */
export function namesOf(profile: EndEntityProfile, service: string, more: readonly GeneralName[]): CertifiableName[] {
  const own = ownNames(profile, service);
  const names = canonicalNames([...own, ...more]);
  checkProfileNames(names, own, profile);
  return names;
}

// Who signs for the CA is no host: nobody looks for its name, and the CAs above need not permit it.
const ownNames = ({ identity, keyUse }: EndEntityProfile, service: string): readonly GeneralName[] =>
  identity === 'service' && keyUse === 'handshakes' ? [{ kind: 'dns', value: service }] : [];

function checkGranted(
  { service, names }: { readonly service: string; readonly names: readonly CertifiableName[] },
  profile: EndEntityProfile,
  granted: GrantedTerms,
): void {
  if (service !== granted.service)
    throw new PkiError('name_not_allowed', `${quote(service)} is not the service that was granted`);
  const texts = new Set([...ownNames(profile, service), ...granted.names].map(generalNameToString));
  const foreign = names.map(generalNameToString).find((text) => !texts.has(text));
  if (foreign !== undefined) throw new PkiError('name_not_allowed', `${quote(foreign)} is not a name of this service`);
}

/** The rules of the profile apply to names other than the service's own. A SPIFFE ID must be the only URI, whatever the profile (X.509-SVID §2). */
function checkProfileNames(
  names: readonly CertifiableName[],
  own: readonly GeneralName[],
  { name, names: rules, identity }: EndEntityProfile,
): void {
  const ownTexts = new Set(own.map(generalNameToString));
  const refused = rules.firstRefused(names.filter((each) => !ownTexts.has(generalNameToString(each))));
  if (refused !== undefined)
    throw new PkiError(
      'name_not_allowed',
      `profile ${name} does not give ${quote(refused)}${identity === 'spiffe' ? ', only one SPIFFE ID: ask for other names under another profile' : ''}`,
    );
  const uris = names.filter(({ kind }) => kind === 'uri');
  const spiffeIds = uris.filter((each) => generalNameToString(each).startsWith('URI:spiffe:'));
  if (identity === 'spiffe' && spiffeIds.length !== 1)
    throw new PkiError(
      'name_not_allowed',
      `profile ${name} needs exactly one SPIFFE ID: ask for it by name, as URI:spiffe://example.org/orders, or in the request`,
    );
  if (spiffeIds.length > 0 && uris.length > 1)
    throw new PkiError('name_not_allowed', 'beside a SPIFFE ID there is no other URI');
}

/** The lifetime that is asked for, in seconds, or else the profile's own. Throws PkiError `lifetime_not_allowed`. */
export function lifetimeOf(
  { name, lifetime, maximumLifetime }: Pick<EndEntityProfile, 'name' | 'lifetime' | 'maximumLifetime'>,
  asked: number | undefined,
): number {
  if (asked === undefined) return lifetime;
  if (!Number.isSafeInteger(asked) || asked < 1 || asked > maximumLifetime)
    throw new PkiError(
      'lifetime_not_allowed',
      `profile ${name} gives lifetimes from 1s to ${formatDuration(maximumLifetime, 's')}, and ${formatDuration(asked, 's')} was asked for`,
    );
  return asked;
}
