import type { NameRules } from './name-rules.js';

/** The kinds of keys that can be certified. */
export const KEY_TYPES = ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

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
}

/** What a CA's certificate is for. */
export interface AuthorityProfile {
  readonly kind: 'authority';
  readonly name: 'root' | 'issuing';
  readonly pathLenConstraint: number | undefined;
  readonly lifetime: number;
  readonly maximumLifetime: number;
}

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
