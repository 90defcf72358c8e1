import type { AuditLog } from '../../audit/index.js';
import {
  findCertificate,
  forgetCrls,
  insertCrl,
  insertRevokedSerial,
  lastCrlHeader,
  lastCrlNumber,
  listCrlScopes,
  markRevoked,
  raiseCrlFloor,
  serialStatuses,
  type Database,
  type IssuerRow,
  type Transaction,
} from '../../store/index.js';
import { CrlReason, decodeCertificate, type RevokedCertificate } from '../../x509/index.js';
import { COMPLETE, isShard } from '../crl/crl-scope.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';
import { HOLD, revocationReasons, type RevocationReason } from '../revocation/reason.js';
import { isRevocable } from '../revocation/revocation.service.js';
import { usableEntries } from '../rollover/external-crl.js';
import { refuse, shardPlaces, type ProvenList, type ProvenLists } from './published-crl.js';

/** The difference between the published lists of an issuer and the backup. */
export interface CrlComparison {
  readonly issuer: IssuerRow;
  /** The number of the last complete list in the backup; 0 when the backup has none. */
  readonly known: number;
  /** The highest CRL number that the backup knows, of a list of any scope. */
  readonly taken: number;
  /** The published lists; undefined when there are none to compare with. */
  readonly published: ProvenLists | undefined;
  /**
   * Certificates that the lists revoke and the backup has as valid, as on hold while the lists revoke them for good, or as revoked for another reason than the
   * compromise on the lists.
   */
  readonly unrevoked: readonly RevokedCertificate[];
  /** Certificates that the lists revoke and the backup does not contain: they were issued after it. */
  readonly lost: readonly RevokedCertificate[];
}

const TOGETHER = 500;
const NAMED = 5;
/**
 * The jump of {@link jumpAhead}: a million, and ten numbers for each second since the backup, more than is ever signed. Lists that were signed after an
 * earlier restore of the same backup are jumped over too.
 */
const NUMBERS_PER_SECOND = 10;
const JUMP = 1_000_000;

/**
 * Compares the backup in `database` with `published`. A list with a lower number than the backup's last one is ignored if it was found where this CA
 * publishes. Throws PkiError `published_crl_not_accepted` if such a list was given by the operator.
 */
export async function compareCrl(
  database: Database,
  issuer: IssuerRow,
  published: ProvenLists | undefined,
): Promise<CrlComparison> {
  const known = (await lastCrlHeader(database, { issuer: issuer.id, scope: COMPLETE }))?.number ?? 0;
  // Lists of a root that is kept elsewhere took no number here.
  const taken = Math.max(known, await lastCrlNumber(database, issuer.id));
  const nothing = { issuer, known, taken, published: undefined, unrevoked: [], lost: [] };
  if (!published) return nothing;
  const { number, found, source } = published.complete;
  if (number < known) {
    if (found) return nothing;
    refuse(source, `it has the number ${number}, and the backup has list ${known} of ${issuer.id}`);
  }
  const [unrevoked, lost]: [RevokedCertificate[], RevokedCertificate[]] = [[], []];
  for (const entries of revokedBy(published)) {
    const statuses = await serialStatuses(
      database,
      entries.map(({ serialNumber }) => serialNumber),
    );
    for (const entry of entries) {
      const status = statuses.get(entry.serialNumber);
      if (!status) lost.push(entry);
      else if (isRevocable({ status: status.status, revocation_reason: status.reason }, reasonOf(entry)))
        unrevoked.push(entry);
    }
  }
  return { issuer, known, taken, published, unrevoked, lost };
}

/** The certificates that the lists together revoke. Where several lists mention a certificate, the list with the highest number counts. */
function* revokedBy({ complete, partial }: ProvenLists): Generator<RevokedCertificate[]> {
  const later = new Map<string, RevokedCertificate>();
  for (const list of partial)
    if (list.number > complete.number)
      for (const entries of entriesOf(list)) for (const entry of entries) later.set(entry.serialNumber, entry);
  for (const entries of entriesOf(complete)) {
    const last = entries.filter(({ serialNumber }) => !later.has(serialNumber));
    if (last.length > 0) yield last;
  }
  const changed = [...later.values()].filter(({ reason }) => reason !== CrlReason.removeFromCRL);
  for (let i = 0; i < changed.length; i += TOGETHER) yield changed.slice(i, i + TOGETHER);
}

const reasonOf = ({ reason }: RevokedCertificate): RevocationReason =>
  revocationReasons.find((name) => CrlReason[name] === reason) ?? 'unspecified';

function* entriesOf({ list, source }: ProvenList): Generator<RevokedCertificate[]> {
  let entries: RevokedCertificate[] = [];
  for (const entry of usableEntries(list, (why) => refuse(source, why))) {
    entries.push(entry);
    if (entries.length < TOGETHER) continue;
    yield entries;
    entries = [];
  }
  if (entries.length > 0) yield entries;
}

/** Whether restoring the backup unchanged would undo a revocation or reuse a CRL number. */
export const isBehind = ({ known, taken, published, unrevoked, lost }: CrlComparison): boolean =>
  published !== undefined &&
  (published.complete.number > known || published.number > taken || unrevoked.length + lost.length > 0);

/**
 * Whether the complete list of a CA of ours names a delta that was not given: what was revoked since is in the delta alone. With each complete list a delta is
 * signed, so one with a lower number is not that delta.
 */
export const lacksDelta = ({ issuer, published }: CrlComparison): boolean =>
  issuer.key_place === 'here' &&
  published?.complete.list.extensions.freshestCrl !== undefined &&
  published.partial.every(
    ({ list, number }) => list.extensions.deltaCrlIndicator === undefined || number < published.complete.number,
  );

/** Throws PkiError `would_unrevoke`, with one message for all issuers that names the revocations that would be undone. */
export function refuseToUnrevoke(behind: readonly CrlComparison[]): never {
  const each = behind.map(({ issuer, known, published, unrevoked, lost }) => {
    const serials = [...unrevoked, ...lost].map(({ serialNumber }) => serialNumber);
    const named = serials.slice(0, NAMED).join(', ');
    const more = serials.length > NAMED ? ` and ${serials.length - NAMED} more` : '';
    const what = serials.length === 0 ? '' : `, which revokes ${named}${more}, not revoked in the backup`;
    return `list ${published?.number ?? 0} of ${issuer.id} is published${what}, and the backup ends with list ${known}`;
  });
  throw new PkiError('would_unrevoke', `the backup is older than what was published: ${each.join('; ')}`);
}

/**
 * Applies the published lists of an issuer: revokes again what they revoke, reserves the serial numbers that the backup does not know, and makes the
 * published complete list the issuer's last one, so that the next list gets a higher number and is due at once. Each revocation is written to the
 * audit record.
 */
export async function reapply(
  transaction: Transaction,
  comparison: CrlComparison,
  { audit, requester }: { readonly audit: AuditLog; readonly requester: Requester },
): Promise<void> {
  const { issuer, known, taken, published } = comparison;
  if (!published) return;
  await revokeAgain(transaction, comparison, published.number, { audit, requester });
  const isDeltaMissing = lacksDelta(comparison);
  if (!isBehind(comparison) && !isDeltaMissing) return;
  const scopes = await listCrlScopes(transaction, issuer.id);
  // When the last list of a shard or the delta was not given, the numbers used for it are unknown, so the numbers jump ahead.
  const isAllHere = scopes.filter(isShard).length <= shardPlaces(published).size && !isDeltaMissing;
  await raiseCrlFloor(transaction, issuer.id, Math.max(published.number, taken) + (isAllHere ? 0 : JUMP));
  await forgetCrls(transaction, issuer.id, COMPLETE);
  const { list, number } = published.complete;
  if (number === known) return;
  const { der, thisUpdate, nextUpdate = thisUpdate } = list;
  await insertCrl(transaction, {
    issuer: issuer.id,
    scope: COMPLETE,
    number,
    base_number: null,
    this_update: thisUpdate.getTime(),
    next_update: nextUpdate.getTime(),
    // 0 means that the list contains none of this store's revocations, so the next list is due at once.
    revocation_sequence: 0,
    octets: der.length,
    sha256: null,
    der,
  });
}

async function revokeAgain(
  transaction: Transaction,
  { issuer, unrevoked, lost }: CrlComparison,
  number: number,
  { audit, requester: { actor, requestId } }: { readonly audit: AuditLog; readonly requester: Requester },
): Promise<void> {
  const notAfter = decodeCertificate(issuer.der).notAfter.getTime();
  for (const [entries, isKnown] of [
    [unrevoked, 'yes'],
    [lost, 'no'],
  ] as const)
    for (const entry of entries) {
      const { serialNumber: serial, revocationDate, invalidityDate } = entry;
      const reason = reasonOf(entry);
      const mark = { serial, reason, revokedAt: revocationDate, invalidityDate };
      if (isKnown === 'yes') {
        const row = await findCertificate(transaction, serial);
        // What is revoked for good keeps its date, which is finer here than on a list.
        const isKept = row?.status === 'revoked' && row.revocation_reason !== HOLD;
        await markRevoked(transaction, isKept ? { ...mark, revokedAt: new Date(row.revoked_at ?? 0) } : mark);
      } else await insertRevokedSerial(transaction, { ...mark, issuer: issuer.id, notAfter });
      const detail = { reason, issuer: issuer.id, crl: String(number), certificate_known: isKnown };
      await audit.append(
        { action: 'certificate.revoke', phase: 'result', actor, requestId, subject: serial, detail },
        transaction,
      );
    }
}

/**
 * Handles an issuer without a published list: drops the backup's own lists, which may be older than what was published, and raises the CRL number
 * above any that may have been signed since the backup was made (`since`).
 */
export async function jumpAhead(
  transaction: Transaction,
  { issuer, taken }: CrlComparison,
  { since, now }: { readonly since: Date; readonly now: Date },
): Promise<void> {
  // A clock that is wrong takes nothing away.
  const seconds = Math.max(0, Math.ceil((now.getTime() - since.getTime()) / 1000));
  await raiseCrlFloor(transaction, issuer.id, taken + JUMP + NUMBERS_PER_SECOND * seconds);
  await forgetCrls(transaction, issuer.id);
}
