import { Oid } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';

export type EndEntityProfileName = 'server' | 'client' | 'service';

/** What an end entity's certificate is for. Lifetimes in seconds. */
export interface EndEntityProfile {
  readonly kind: 'end-entity';
  readonly name: EndEntityProfileName;
  /** Extended key usages, as OIDs. */
  readonly purposes: readonly string[];
  readonly lifetime: number;
  readonly maximumLifetime: number;
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
// CA/Browser Forum Baseline Requirements §6.3.2 before 2026: the longest that TLS clients accept.
const LONGEST_TLS = 398 * DAY;
const LONGEST_SERVICE = 90 * DAY;

const PURPOSES = {
  server: [Oid.serverAuth],
  client: [Oid.clientAuth],
  service: [Oid.serverAuth, Oid.clientAuth],
} as const;

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

/** The profile of that name, with `serviceLifetime` seconds when nothing else is asked for. Throws PkiError `profile_unknown`. */
export function endEntityProfile(name: string, serviceLifetime: number): EndEntityProfile {
  if (!isEndEntityProfileName(name))
    throw new PkiError('profile_unknown', `there is no profile ${JSON.stringify(name.slice(0, 64))}`);
  const maximumLifetime = name === 'service' ? Math.max(LONGEST_SERVICE, serviceLifetime) : LONGEST_TLS;
  return {
    kind: 'end-entity',
    name,
    purposes: PURPOSES[name],
    lifetime: Math.min(serviceLifetime, maximumLifetime),
    maximumLifetime,
  };
}

export const isEndEntityProfileName = (name: string): name is EndEntityProfileName => Object.hasOwn(PURPOSES, name);
