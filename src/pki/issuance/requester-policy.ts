import type { GeneralName } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';
import type { EndEntityProfile } from '../profile/profile.js';
import type { ReservedNames } from '../profile/reserved-names.js';
import { quote } from './name-policy.js';

/**
 * Insists that a requester may have this service and these names certified under the profile by being who they are. Operators and administrators may have
 * everything; others what the profile's rules give, and nothing that is reserved, save the name that they have. Throws PkiError
 * `requester_not_allowed`, the same for either reason: who has roles is not for every requester to find out.
 */
export function checkRequester(
  { service, names }: { readonly service: string; readonly names: readonly GeneralName[] },
  {
    profile,
    requester: { standing },
    reserved,
  }: {
    readonly profile: EndEntityProfile;
    readonly requester: Requester;
    readonly reserved?: ReservedNames | undefined;
  },
): void {
  if (standing === 'operator' || standing?.roles.has('admin')) return;
  const given = !profile.requesters || (standing && profile.requesters.give(standing, service, names));
  // The common name is what guards go by, whether it stands among the names or not.
  const wanted: readonly GeneralName[] = [{ kind: 'dns', value: service }, ...names];
  if (given && reserved?.firstIn(wanted, standing?.service) === undefined) return;
  throw new PkiError(
    'requester_not_allowed',
    `this requester may not have a certificate of profile ${profile.name} for ${quote(service)} with these names`,
  );
}
