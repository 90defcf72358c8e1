import type { Certificate, GeneralName } from '../../../x509/index.js';
import type { IssuerIdentity } from '../../issuer/issuer-identity.js';
import type { Profile } from '../../profile/profile.js';

/** What a rule may look at: the certificate as it was read back from its octets, and what it should have become. */
export interface LintSubject {
  readonly certificate: Certificate;
  readonly profile: Profile;
  readonly issuer: IssuerIdentity;
  readonly names: readonly GeneralName[];
}

/** One rule: where it is written, and the finding, or undefined when there is none. */
export interface LintRule {
  readonly name: string;
  readonly source: string;
  readonly check: (subject: LintSubject) => string | undefined;
}
