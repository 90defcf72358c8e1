import type { CertificateRow } from '../../store/index.js';
import { decodeCertificate } from '../../x509/index.js';
import { checkRequester } from '../issuance/requester-policy.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';
import type { Profiles } from '../profile/profiles.js';
import type { ReservedNames } from '../profile/reserved-names.js';

/**
 * Insists that a requester may release a certificate from hold: operators and administrators any, others one that they could have issued, because a release
 * lets somebody in. Throws PkiError `requester_not_allowed`, and `profile_unknown` when its profile no longer exists.
 */
export function checkReleaser(
  { service, profile, der }: Pick<CertificateRow, 'service' | 'profile' | 'der'>,
  {
    requester,
    profiles,
    reserved,
  }: {
    readonly requester: Requester;
    readonly profiles: Profiles;
    readonly reserved: ReservedNames | undefined;
  },
): void {
  const { standing } = requester;
  if (standing === 'operator' || standing?.roles.has('admin')) return;
  if (service === null)
    throw new PkiError('requester_not_allowed', 'only an administrator releases the certificate of a CA');
  const { subjectAltName: names = [] } = decodeCertificate(der).extensions;
  checkRequester({ service, names }, { profile: profiles.named(profile), requester, reserved });
}
