import { dirname, join } from 'node:path';
import { AuditLog } from '../audit/index.js';
import { readBuiltInProfiles } from '../configuration/index.js';
import { EventBus } from '../events/index.js';
import { removeLeftovers } from '../files/index.js';
import type { Store } from '../store/index.js';
import { CaService } from './ca.service.js';
import { CrlService } from './crl/crl.service.js';
import { checkStoreIsCurrent } from './crl/store-age.js';
import { EnrollmentService } from './enrollment/enrollment.service.js';
import { IssuanceJournal } from './issuance/issuance-journal.js';
import type { IssuanceContext } from './issuance/issue-certificate.js';
import { Authorities } from './issuer/authorities.js';
import { createAuthorities } from './issuer/authority-creation.js';
import type { Authority } from './issuer/authority.js';
import { KeyRecord } from './issuer/recorded-signer.js';
import { OcspService } from './ocsp/ocsp.service.js';
import { PkiError } from './pki-error.js';
import type { PkiSettings, Requester } from './pki-settings.js';
import { recordPolicy } from './policy-record.js';
import { Profiles } from './profile/profiles.js';
import { refreshChainFiles } from './publication/chain-files.js';
import { publishTrustFiles, trustFilesOf } from './publication/trust-files.js';
import { RevocationRegistry } from './revocation/revocation-registry.js';
import { RevocationService } from './revocation/revocation.service.js';
import { PeerSightings } from './rollover/peer-sightings.js';
import { RolloverService } from './rollover/rollover.service.js';

export interface CertificationAuthorityOptions {
  readonly settings: PkiSettings;
  readonly store: Store;
  readonly events?: EventBus;
  /** Make root and issuing CA when there are none. Otherwise their absence is PkiError `authority_missing`. */
  readonly create?: boolean;
  /** Who opens it, for the record of what is made on the way. */
  readonly requester?: Requester;
  readonly now?: () => Date;
  /** How long the registry answers without looking at the store, in milliseconds; 30 000 when absent. */
  readonly unreadLimit?: number | undefined;
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
  readonly rollover: RolloverService;
  /** Undefined where OCSP is not answered. */
  readonly ocsp: OcspService | undefined;
  /** Hears of the peers that are let in. */
  readonly sightings: PeerSightings;
  /**
   * Takes up what changed about the CAs in the store, and writes the public files that changed or could not be written before. True when anything about the CAs
   * changed. A running process calls it whenever the store has changed.
   */
  readonly followIssuers: () => Promise<boolean>;
  /** The public certificate files of the CA. */
  readonly trustFiles: readonly string[];
  /** Those of them that were written at opening. */
  readonly published: readonly string[];
}

/**
 * Opens the CA on a store: reads the issuers (or makes them), writes the public certificates that are not there yet, and loads the revocations and the last
 * CRLs; one whose file cannot be written is an event. A policy that differs from the last one is recorded. No key is opened, no timer is started, and the store
 * stays the caller's to close. Throws ConfigurationError when the built-in profiles cannot be read, PkiError, and what the store throws.
 */
export async function openCertificationAuthority(
  options: CertificationAuthorityOptions,
): Promise<CertificationAuthority> {
  const { settings, store } = options;
  const opened = await openParts(options);
  const { now, events, audit, certsDirectory, context, profiles, creation, authorities, trust, published } = opened;
  const { registry, revocations, crls } = opened;
  await registry.refresh();
  await crls.load().catch((error: unknown) => {
    // A folder of lists that cannot be written holds up no revocation.
    if (!(error instanceof PkiError) || error.code !== 'file_unwritable') throw error;
    events.emit('background.failed', { task: 'crl.publish', error });
  });
  const isOcspOn = settings.ocsp;
  const ocsp = isOcspOn ? new OcspService({ authorities, settings, profiles, context, events, registry }) : undefined;
  const ca = new CaService({ authorities, settings, profiles, context, events, revocations, registry, ocsp });
  const enrollment = new EnrollmentService({ store, audit, ca, events, now });
  // Somebody else may have refreshed the authorities: these are the ones that were told of, and the ones in the files.
  let told = authorities.all;
  let shown: typeof told | undefined = told;
  const followIssuers = async (): Promise<boolean> => {
    await authorities.refresh();
    const { all } = authorities;
    const isNew = all !== told;
    told = all;
    if (isNew) events.emit('issuers.changed', { states: new Map(all.map(({ id, state }) => [id, state])) });
    if (all !== shown) {
      publishTrustFiles(certsDirectory, trustFilesOf(certsDirectory, all));
      refreshChainFiles(certsDirectory, all);
      shown = all;
    }
    return isNew;
  };
  const follow = (): Promise<unknown> => {
    shown = undefined;
    return followIssuers();
  };
  const sightings = new PeerSightings({ store, authorities, events });
  const rollover = new RolloverService({ authorities, creation, crls, registry, revocations, follow });
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
    rollover,
    ocsp,
    sightings,
    followIssuers,
    trustFiles: [...trust.keys()],
    published,
  };
}

/**
 * As {@link openCertificationAuthority}, to sign lists and do nothing else. The revocations are not read, which for a million of them would take a second and
 * 40 MiB, and so nothing can be issued.
 */
export async function openLists(
  options: CertificationAuthorityOptions,
): Promise<{ readonly authorities: readonly Authority[]; readonly crls: CrlService }> {
  const { authorities, crls } = await openParts(options);
  await crls.load();
  return { authorities: authorities.all, crls };
}

/** The parts as they are when nothing but the CAs has been read yet. */
async function openParts(options: CertificationAuthorityOptions) {
  const { settings, store, create = false, now = () => new Date() } = options;
  const events = options.events ?? new EventBus();
  const audit = new AuditLog(store, now);
  const certsDirectory = settings.certsDirectory ?? dirname(settings.directory);
  const { backdate, publicationUrl, crlShards, crlDeltaLifetime, ocsp } = settings;
  const lists = { publicationUrl, crlShards, crlDeltaLifetime, ocsp };
  const { random } = options;
  const journal = new IssuanceJournal({ store, audit, now });
  const context: IssuanceContext = { store, audit, journal, now, backdate, ...lists, random };
  const requester = options.requester ?? { actor: 'veritas', requestId: 'start', standing: 'operator' };
  const profiles = provenProfiles(settings);
  const creation = { settings, context, events };
  for (const folder of [certsDirectory, settings.directory, dirname(settings.passphraseFile), settings.crlDirectory])
    if (folder !== undefined) await removeLeftovers(folder);
  if (create) await createAuthorities({ ...creation, requester }, certsDirectory);
  const record = new KeyRecord(audit, requester);
  const authorities = await Authorities.open(store, { settings, record }, now);
  if (settings.crlDirectory !== undefined)
    for (const authority of authorities.all) await checkStoreIsCurrent(store, authority, settings.crlDirectory);
  await recordPolicy({ ...settings, profiles: profiles.definitions }, { store, audit, requester });
  if (settings.crlDirectory !== undefined)
    for (const { id } of authorities.all) await removeLeftovers(join(settings.crlDirectory, id));
  const trust = trustFilesOf(certsDirectory, authorities.all);
  const published = publishTrustFiles(certsDirectory, trust);
  const registry = new RevocationRegistry({ store, events, authorities, unreadLimit: options.unreadLimit });
  const revocations = new RevocationService({ store, audit, events, registry, now });
  const crls = new CrlService({
    store,
    audit,
    events,
    authorities,
    settings,
    now,
    acknowledged: (issuer) => revocations.acknowledged(issuer),
  });
  return {
    now,
    events,
    audit,
    certsDirectory,
    context,
    profiles,
    creation,
    authorities,
    trust,
    published,
    registry,
    revocations,
    crls,
  };
}

function provenProfiles({ profiles: own, serviceLifetime }: PkiSettings): Profiles {
  const builtIn = readBuiltInProfiles();
  try {
    return new Profiles({ builtIn, own, serviceLifetime });
  } catch (error) {
    if (error instanceof RangeError) throw new PkiError('profile_contradictory', error.message, { cause: error });
    throw error;
  }
}
