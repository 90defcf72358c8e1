import type { IssuerRole } from '../../store/index.js';
import { attributeValues, nameFrom, Oid, sameName, type Name } from '../../x509/index.js';
import type { PkiSettings } from '../pki-settings.js';

type Settings = Pick<PkiSettings, 'organization'>;

const COMMON_NAMES = { root: 'VERITAS Root CA', issuing: 'VERITAS Issuing CA' } as const;

/** The subject of a CA's certificate. The common name is `VERITAS Issuing CA`, for the second issuing CA `VERITAS Issuing CA 2`. */
export function authoritySubject({ organization }: Settings, role: IssuerRole, id: string): Name {
  const number = id === role ? '' : ` ${id.slice(role.length + 1)}`;
  return nameFrom({ organization, commonName: `${COMMON_NAMES[role]}${number}` });
}

/** Whether a CA of ours has this subject, or will have it after a rollover. */
export function isAuthoritySubject(subject: Name, settings: Settings): boolean {
  const number = / (\p{N}+)$/u.exec(attributeValues(subject, Oid.commonName)[0] ?? '')?.[1];
  return (['root', 'issuing'] as const).some((role) =>
    sameName(subject, authoritySubject(settings, role, number === undefined ? role : `${role}-${number}`)),
  );
}
