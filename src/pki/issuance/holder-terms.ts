import type { CertificateRow } from '../../store/index.js';
import { decodeCertificate, type GeneralName, type SubjectPublicKeyInfo } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import type { EndEntityProfile } from '../profile/profile.js';
import type { Profiles } from '../profile/profiles.js';

/** A certificate that somebody holds, as the connection proved it. */
export interface Holder {
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint256: string;
}

/** What the holder of a certificate may have again: no more than it holds. */
export interface HolderTerms {
  readonly profile: string;
  readonly service: string;
  readonly names: readonly GeneralName[];
  /** Seconds, as it was asked for. */
  readonly lifetime: number;
  readonly publicKey: SubjectPublicKeyInfo;
}

/**
 * Reads them from the row of the certificate. Throws PkiError `not_the_holder` when there is no such row, when the certificate has the number of another one,
 * or is revoked, expired or a CA's; `profile_unknown` when its profile no longer exists; `profile_not_allowed` when holding such a certificate does not
 * entitle to another.
 */
export function holderTerms(
  row: CertificateRow | undefined,
  { fingerprint256 }: Holder,
  {
    now,
    profiles,
    grace = 0,
  }: {
    readonly now: Date;
    readonly profiles: Profiles;
    /** Seconds after its end in which the certificate still counts. */
    readonly grace?: number | undefined;
  },
): HolderTerms {
  if (row?.fingerprint !== fingerprint256 || row.service === null)
    throw new PkiError('not_the_holder', 'the certificate on the connection is not one of this CA');
  if (row.status === 'revoked' || row.not_after + grace * 1000 < now.getTime())
    throw new PkiError('not_the_holder', 'the certificate on the connection is revoked or expired');
  const profile = profiles.named(row.profile);
  checkForHolders(profile);
  const { publicKey, extensions } = decodeCertificate(row.der);
  // Rows of an earlier version do not have the lifetime: it is computed from the dates, in whole seconds.
  const lifetime = row.lifetime ?? Math.max(1, row.not_after / 1000 - Math.floor(row.issued_at / 1000));
  return {
    profile: row.profile,
    service: row.service,
    names: extensions.subjectAltName ?? [],
    lifetime: Math.min(lifetime, profile.maximumLifetime),
    publicKey,
  };
}

/** Refuses profiles of keys that sign for the CA: an operator has to give out each such certificate. Throws PkiError `profile_not_allowed`. */
export function checkForHolders({ name, keyUse }: EndEntityProfile): void {
  if (keyUse !== 'handshakes')
    throw new PkiError('profile_not_allowed', `only an operator gives out certificates of the profile ${name}`);
}
