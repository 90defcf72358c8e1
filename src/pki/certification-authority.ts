import { dirname } from 'node:path';
import { AuditLog } from '../audit/index.js';
import { EventBus } from '../events/index.js';
import { listIssuers, type Store } from '../store/index.js';
import { CaService } from './ca.service.js';
import { CrlService } from './crl/crl.service.js';
import { EnrollmentService } from './enrollment/enrollment.service.js';
import type { IssuanceContext } from './issuance/issue-certificate.js';
import { createAuthorities } from './issuer/authority-creation.js';
import { authorityFromRow, type Authority } from './issuer/authority.js';
import { PkiError } from './pki-error.js';
import type { PkiSettings, Requester } from './pki-settings.js';
import { Profiles } from './profile/profiles.js';
import { publishTrustFiles, trustFilesOf } from './publication/trust-files.js';
import { RevocationRegistry } from './revocation/revocation-registry.js';
import { RevocationService } from './revocation/revocation.service.js';

export interface CertificationAuthorityOptions {
  readonly settings: PkiSettings;
  readonly store: Store;
  readonly events?: EventBus;
  /** Make root and issuing CA when there are none. Otherwise their absence is PkiError `authority_missing`. */
  readonly create?: boolean;
  /** Who opens it, for the record of what is made on the way. */
  readonly requester?: Requester;
  readonly now?: () => Date;
  /** Where serial numbers come from; node:crypto when absent. */
  readonly random?: (octets: number) => Uint8Array;
}

/** The parts of an open CA, wired. */
export interface CertificationAuthority {
  readonly settings: PkiSettings;
  readonly certsDirectory: string;
  readonly store: Store;
  readonly audit: AuditLog;
  readonly events: EventBus;
  readonly ca: CaService;
  readonly enrollment: EnrollmentService;
  readonly crls: CrlService;
  readonly revocations: RevocationService;
  readonly registry: RevocationRegistry;
  /** The public certificate files of the CA. */
  readonly trustFiles: readonly string[];
  /** Those of them that were written at opening. */
  readonly published: readonly string[];
}

/**
 * Opens the CA on a store: reads the issuers (or makes them), writes the public certificates where they are not yet, loads revocations and
 * the last CRLs. No key is opened, no timer started, and the store stays the caller's to close. Throws PkiError and what the store throws.
 */
export async function openCertificationAuthority(
  options: CertificationAuthorityOptions,
): Promise<CertificationAuthority> {
  const { settings, store, create = false, now = () => new Date() } = options;
  const events = options.events ?? new EventBus();
  const audit = new AuditLog(store, now);
  const certsDirectory = settings.certsDirectory ?? dirname(settings.directory);
  const { backdate, publicationUrl } = settings;
  const context: IssuanceContext = { store, audit, now, backdate, publicationUrl, random: options.random };
  const requester = options.requester ?? { actor: 'veritas', requestId: 'start' };
  const profiles = provenProfiles(settings);
  if (create) await createAuthorities({ settings, context, events, requester }, certsDirectory);
  const authorities = await loadAuthorities(store, settings);
  const trust = trustFilesOf(certsDirectory, authorities);
  const published = publishTrustFiles(certsDirectory, trust);
  const registry = new RevocationRegistry({ store, events, authorities });
  const revocations = new RevocationService({ store, audit, events, registry, now });
  const crls = new CrlService({ store, audit, events, authorities, settings, now });
  await registry.refresh();
  await crls.load();
  const ca = new CaService({ authorities, settings, profiles, context, events, revocations, registry });
  const enrollment = new EnrollmentService({ store, audit, ca, now });
  return {
    settings,
    certsDirectory,
    store,
    audit,
    events,
    ca,
    enrollment,
    crls,
    revocations,
    registry,
    trustFiles: [...trust.keys()],
    published,
  };
}

async function loadAuthorities(store: Store, settings: PkiSettings): Promise<Authority[]> {
  const rows = await listIssuers(store.database);
  if (rows.length === 0) throw new PkiError('authority_missing', `there is no CA in the store ${store.path} yet`);
  const authorities = rows.map((row) => authorityFromRow(row, rows, settings));
  return authorities.toSorted((a, b) => Number(b.role === 'root') - Number(a.role === 'root'));
}

function provenProfiles({ profiles = [], serviceLifetime }: PkiSettings): Profiles {
  try {
    return new Profiles(profiles, serviceLifetime);
  } catch (error) {
    if (error instanceof RangeError) throw new PkiError('profile_contradictory', error.message, { cause: error });
    throw error;
  }
}
