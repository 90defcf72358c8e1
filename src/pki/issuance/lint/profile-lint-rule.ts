import type { Certificate, GeneralName, LintRule } from '../../../x509/index.js';
import type { IssuerIdentity } from '../../issuer/issuer-identity.js';
import type { Profile } from '../../profile/profile.js';

/** A certificate as it was read back from its octets, and what it should have become. */
export interface ProfileLintSubject {
  readonly certificate: Certificate;
  readonly profile: Profile;
  readonly issuer: IssuerIdentity;
  readonly names: readonly GeneralName[];
  /** Whether OCSP requests are answered. */
  readonly ocsp: boolean;
}

/** A rule that needs to know the profile; those that do not are `lintCertificate`'s. */
export type ProfileLintRule = LintRule<ProfileLintSubject>;

export const isRoot = (profile: Profile): boolean => profile.kind === 'authority' && profile.name === 'root';
