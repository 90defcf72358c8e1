import type { AuditLog } from '../../audit/index.js';
import {
  insertCrl,
  insertRevokedSerial,
  lastCrlHeader,
  markRevoked,
  raiseCrlFloor,
  serialStatuses,
  type Database,
  type IssuerRow,
  type Transaction,
} from '../../store/index.js';
import { decodeCertificate, DecodeError, type RevokedCertificate } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';
import { reasonNameOf } from '../rollover/external-crl.js';
import { refuse, type ProvenList } from './published-crl.js';

/** What the last published list of an issuer says that the backup does not. */
export interface CrlComparison {
  readonly issuer: IssuerRow;
  /** The number of the backup's own last list; 0 when it has none. */
  readonly known: number;
  /** Undefined when there is none to compare with. */
  readonly published: ProvenList | undefined;
  /** Revoked by the list, and good in the backup. */
  readonly unrevoked: readonly RevokedCertificate[];
  /** Revoked by the list, and issued after the backup. */
  readonly lost: readonly RevokedCertificate[];
}

const TOGETHER = 500;
const NAMED = 5;
/** More than one list a tenth of a second is not signed; and no fewer than a million, should a clock be wrong. */
const NUMBERS_PER_SECOND = 10;
const LEAST_JUMP = 1_000_000;

/** Compares the backup in `database` with `published`. Throws PkiError `published_crl_not_accepted` for a list that was named and is older than the backup. */
export async function compareCrl(
  database: Database,
  issuer: IssuerRow,
  published: ProvenList | undefined,
): Promise<CrlComparison> {
  const known = (await lastCrlHeader(database, issuer.id))?.number ?? 0;
  const nothing = { issuer, known, published: undefined, unrevoked: [], lost: [] };
  if (!published) return nothing;
  if (published.number < known) {
    if (published.found) return nothing;
    refuse(published.source, `it has the number ${published.number}, and the backup has list ${known} of ${issuer.id}`);
  }
  const [unrevoked, lost]: [RevokedCertificate[], RevokedCertificate[]] = [[], []];
  for (const entries of entriesOf(published)) {
    const statuses = await serialStatuses(
      database,
      entries.map(({ serialNumber }) => serialNumber),
    );
    for (const entry of entries) {
      const status = statuses.get(entry.serialNumber);
      if (status === undefined) lost.push(entry);
      else if (status === 'active') unrevoked.push(entry);
    }
  }
  return { issuer, known, published, unrevoked, lost };
}

function* entriesOf({ list, source }: ProvenList): Generator<RevokedCertificate[]> {
  try {
    let entries: RevokedCertificate[] = [];
    for (const entry of list.revokedCertificates()) {
      if (entry.unknownCritical.length > 0) refuse(source, 'an entry has a critical extension');
      entries.push(entry);
      if (entries.length < TOGETHER) continue;
      yield entries;
      entries = [];
    }
    if (entries.length > 0) yield entries;
  } catch (error) {
    if (error instanceof DecodeError) refuse(source, `it is not strict DER (${error.message})`);
    throw error;
  }
}

/** Whether a restore as the backup stands would take back a revocation, or use a number again. */
export const isBehind = ({ known, published, unrevoked, lost }: CrlComparison): boolean =>
  published !== undefined && (published.number > known || unrevoked.length + lost.length > 0);

/** Throws PkiError `would_unrevoke`, one sentence for all issuers, which names what would come undone. */
export function refuseToUnrevoke(behind: readonly CrlComparison[]): never {
  const each = behind.map(({ issuer, known, published, unrevoked, lost }) => {
    const serials = [...unrevoked, ...lost].map(({ serialNumber }) => serialNumber);
    const named = serials.slice(0, NAMED).join(', ');
    const more = serials.length > NAMED ? ` and ${serials.length - NAMED} more` : '';
    const what = serials.length === 0 ? '' : `, which revokes ${named}${more}, not revoked in it`;
    return `list ${published?.number ?? 0} of ${issuer.id} is published${what}, and the backup ends with list ${known}`;
  });
  throw new PkiError('would_unrevoke', `the backup is older than what was published: ${each.join('; ')}`);
}

/**
 * Revokes again what the published list revokes, takes the numbers of certificates that the backup does not know for ever, and makes the published list the
 * issuer's last one: the next has a higher number, and is due at once. Each revocation stands in the record.
 */
export async function reapply(
  transaction: Transaction,
  { issuer, known, published, unrevoked, lost }: CrlComparison,
  { audit, requester }: { readonly audit: AuditLog; readonly requester: Requester },
): Promise<void> {
  if (!published) return;
  const notAfter = decodeCertificate(issuer.der).notAfter.getTime();
  const { actor, requestId } = requester;
  for (const [entries, isKnown] of [
    [unrevoked, 'yes'],
    [lost, 'no'],
  ] as const)
    for (const { serialNumber: serial, revocationDate, reason: value } of entries) {
      const reason = reasonNameOf(value);
      if (isKnown === 'yes') await markRevoked(transaction, { serial, reason, revokedAt: revocationDate });
      else
        await insertRevokedSerial(transaction, {
          serial,
          issuer: issuer.id,
          notAfter,
          reason,
          revokedAt: revocationDate.getTime(),
        });
      const detail = { reason, issuer: issuer.id, crl: String(published.number), certificate_known: isKnown };
      await audit.append(
        { action: 'certificate.revoke', phase: 'result', actor, requestId, subject: serial, detail },
        transaction,
      );
    }
  if (published.number === known) return;
  const { der, thisUpdate, nextUpdate = thisUpdate } = published.list;
  await insertCrl(transaction, {
    issuer: issuer.id,
    number: published.number,
    this_update: thisUpdate.getTime(),
    next_update: nextUpdate.getTime(),
    // It was signed before this store knew of any revocation: the next one is due.
    revocation_sequence: 0,
    der,
  });
}

/**
 * Where there is nothing to compare with: drops the backup's own lists, which may be older than what was published, and has the next one numbered above any
 * that may have been signed since the backup was made. Gives that number.
 */
export async function jumpAhead(
  transaction: Transaction,
  { issuer, known }: CrlComparison,
  { since, now }: { readonly since: Date; readonly now: Date },
): Promise<number> {
  const seconds = Math.max(0, Math.ceil((now.getTime() - since.getTime()) / 1000));
  const number = known + Math.max(LEAST_JUMP, NUMBERS_PER_SECOND * seconds);
  await raiseCrlFloor(transaction, issuer.id, number);
  return number;
}
