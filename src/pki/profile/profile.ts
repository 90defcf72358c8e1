import type { NameConstraints } from '../../x509/index.js';
import type { NameRules } from './name-rules.js';
import type { RequesterRules } from './requesters.js';

/** The kinds of keys that can be certified. */
export const KEY_TYPES = ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/**
 * What the key signs: `handshakes` of TLS; OCSP `responses`, whose reader does not ask whether the signer is revoked (RFC 6960 §4.2.2.2.1);
 * revocation `lists` (RFC 5280 §4.2.1.3). Certificates for the last two are had from an operator or an administrator only.
 */
export type KeyUse = 'handshakes' | 'responses' | 'lists';

/** What an end entity's certificate is for, proven. Lifetimes in seconds. */
export interface EndEntityProfile {
  readonly kind: 'end-entity';
  readonly name: string;
  /** Extended key usages, as OIDs. */
  readonly purposes: readonly string[];
  readonly lifetime: number;
  readonly maximumLifetime: number;
  readonly keyTypes: ReadonlySet<KeyType>;
  readonly minimumRsaBits: number;
  /** `service`: its own name stands among the DNS names. `spiffe`: there is exactly one SPIFFE ID (X.509-SVID §2), and no name of its own. */
  readonly identity: 'service' | 'spiffe';
  readonly names: NameRules;
  /** Who may ask for what, besides operators and administrators; absent: every service with the role issuer, for whatever the profile gives. */
  readonly requesters: RequesterRules | undefined;
  readonly keyUse: KeyUse;
  /** Of {@link keyUse} `handshakes`: what a key of its kind may be used for, at most; as the key's kind has it when absent. */
  readonly keyUsages: readonly number[] | undefined;
  /** Seconds; the CA's own when absent. */
  readonly backdate: number | undefined;
  /** Where its list and its issuer's certificate are to be had; the CA's own when absent. */
  readonly publicationUrl: string | undefined;
  /** Nothing is published about it: noRevAvail instead of CRL and OCSP locations (RFC 9608). */
  readonly noRevocation: boolean;
  /** Its server staples an OCSP response to each handshake, or is refused (RFC 7633). */
  readonly mustStaple: boolean;
}

/** What a CA's certificate is for. */
export interface AuthorityProfile {
  readonly kind: 'authority';
  /** `root`, `issuing`, `cross`, or that of a CA whose key is elsewhere: see {@link isIntermediateProfile}. */
  readonly name: string;
  readonly pathLenConstraint: number | undefined;
  /** What certificates below it may name. */
  readonly nameConstraints?: NameConstraints | undefined;
  readonly lifetime: number;
  readonly maximumLifetime: number;
  /** As of {@link EndEntityProfile}. */
  readonly backdate?: number | undefined;
  readonly publicationUrl?: string | undefined;
}

/** What certificates of CAs whose keys are elsewhere are for, proven: what it does not fix, who signs says. */
export interface IntermediateProfile {
  /** `intermediate`, or that and a hyphen at the beginning. */
  readonly name: string;
  readonly lifetime: number;
  readonly maximumLifetime: number;
  readonly keyTypes: ReadonlySet<KeyType>;
  readonly minimumRsaBits: number;
  /** How many CAs may follow below it. */
  readonly pathLenConstraint: number | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  readonly backdate: number | undefined;
  readonly publicationUrl: string | undefined;
}

/** Names of the CA's own profiles. */
export const AUTHORITY_PROFILES: ReadonlySet<string> = new Set(['root', 'issuing', 'cross']);

/** Whether the profile of this name is for CAs whose keys are elsewhere: its name alone says so, to whoever reads the store when the profile is no more. */
export const isIntermediateProfile = (name: string): boolean =>
  name === 'intermediate' || name.startsWith('intermediate-');

/** Whether a certificate of the profile of this name is a CA's, ours or not. */
export const isAuthorityProfile = (name: string): boolean =>
  AUTHORITY_PROFILES.has(name) || isIntermediateProfile(name);

/** Only a profile decides which extensions a certificate has. */
export type Profile = EndEntityProfile | AuthorityProfile;

const DAY = 86_400;

/** Ten years. */
export const rootProfile: AuthorityProfile = {
  kind: 'authority',
  name: 'root',
  pathLenConstraint: undefined,
  lifetime: 3650 * DAY,
  maximumLifetime: 3650 * DAY,
};

/** Five years, and no CA below it. */
export const issuingProfile: AuthorityProfile = {
  kind: 'authority',
  name: 'issuing',
  pathLenConstraint: 0,
  lifetime: 1825 * DAY,
  maximumLifetime: 1825 * DAY,
};

/** A root's name and key, signed by another root: for as long as both are trusted somewhere, and never beyond the one that signs. */
export const crossProfile: AuthorityProfile = { ...rootProfile, name: 'cross' };

/** Whether only the CA that is active signs certificates of this profile. Our own CAs, and who answers for them, are certified before that and after. */
export const isByActive = (profile: Profile): boolean =>
  profile.kind === 'authority' ? isIntermediateProfile(profile.name) : profile.keyUse !== 'responses';

/** Whether a certificate of this profile says where its CRL is, and who answers OCSP. A responder's says instead that nobody looks (RFC 6960 §4.2.2.2.1). */
export const isAskedAbout = (profile: Profile): boolean =>
  profile.kind === 'authority' ? profile.name !== 'root' : !profile.noRevocation && profile.keyUse !== 'responses';
