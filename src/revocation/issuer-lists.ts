import {
  ALL_REASONS,
  CrlReason,
  distributionPointsOf,
  reasonsInScope,
  sameScope,
  staleness,
  type Certificate,
  type CertificateList,
  type CrlIndex,
  type RevokedCertificate,
} from '../x509/index.js';
import type { RevocationAnswer } from './revocation-status.js';

const REASONS = new Map<number, string>(Object.entries(CrlReason).map(([name, value]) => [value, name]));

/** A complete list, and the newest delta that goes with it or comes after it (RFC 5280 §5.2.4). */
interface Pair {
  readonly complete: CrlIndex;
  readonly delta: CrlIndex | undefined;
  /** Whether there is a newer delta, for a complete list that is not at hand. */
  readonly isOvertaken: boolean;
}

/** The lists of one CA: each scope's newest complete list with its delta. */
export class IssuerLists {
  readonly #pairs: readonly Pair[];
  readonly #lone: readonly CrlIndex[];

  constructor(lists: readonly CrlIndex[]) {
    const newestFirst = lists.toSorted(
      (a, b) => b.list.thisUpdate.getTime() - a.list.thisUpdate.getTime() || compareNumbers(b, a),
    );
    const deltas = newestFirst.filter(isDelta);
    const complete = newestFirst.filter(
      (each, i) =>
        !isDelta(each) && !newestFirst.slice(0, i).some((other) => !isDelta(other) && sameScope(other.list, each.list)),
    );
    this.#pairs = complete.map((each) => {
      const delta = deltas.find((other) => goesWith(other, each));
      const isOvertaken = deltas.some(
        (other) => delta && sameScope(other.list, each.list) && numberOf(other) > numberOf(delta),
      );
      return { complete: each, delta, isOvertaken };
    });
    // These are newer than the complete list and cannot be combined with it: they make nothing good, but what they revoke is revoked.
    this.#lone = deltas.filter(
      (delta) =>
        !complete.some(
          (each) => sameScope(each.list, delta.list) && (numberOf(each) >= numberOf(delta) || goesWith(delta, each)),
        ),
    );
  }

  /** What they say about a certificate of this CA. */
  statusOf(certificate: Certificate, now: Date): RevocationAnswer {
    let why: string | undefined;
    let good: RevocationAnswer | undefined;
    for (const pair of this.#pairs) {
      if (!covers(pair.complete.list, certificate)) continue;
      const answer = answerOf(pair, certificate, now);
      if (answer.status === 'revoked') return answer;
      if (answer.status === 'good') good ??= answer;
      else why = answer.why;
    }
    for (const delta of this.#lone) {
      if (!covers(delta.list, certificate)) continue;
      const entry = delta.revoked.find(certificate.serialNumber);
      if (entry && entry.reason !== CrlReason.removeFromCRL) return revoked(sourceOf(delta), entry);
      why ??= 'only a delta CRL of its issuer covers the certificate, and no complete one';
    }
    return good ?? { status: 'unknown', source: 'CRL', why: why ?? 'no CRL of its issuer covers the certificate' };
  }
}

function answerOf({ complete, delta, isOvertaken }: Pair, certificate: Certificate, now: Date): RevocationAnswer {
  const source = delta ? `${sourceOf(complete)} + delta ${String(numberOf(delta))}` : sourceOf(complete);
  const over = delta && staleness(delta.list, now);
  const ended = staleness(complete.list, now);
  const before = complete.revoked.find(certificate.serialNumber);
  const change = delta?.revoked.find(certificate.serialNumber);
  // What was revoked for good stays so, whatever a delta says but for another such reason, and even on a list that is past its end. About a hold, and its end,
  // only a current list counts.
  const changed = isFinal(change) || (!isFinal(before) && over === undefined) ? change : undefined;
  const entry = changed ?? before;
  if (entry && entry.reason !== CrlReason.removeFromCRL) {
    const isCurrent = (changed ? over : ended) === undefined;
    if (isCurrent || isFinal(entry)) return revoked(source, entry);
  }
  const stale = ended ?? (isOvertaken ? undefined : over);
  if (stale !== undefined) return { status: 'unknown', source, why: stale };
  const ends = [complete, ...(delta && over === undefined ? [delta] : [])].map(
    ({ list }) => list.nextUpdate?.getTime() ?? 0,
  );
  return { status: 'good', source, until: new Date(Math.min(...ends)) };
}

const isFinal = (entry: RevokedCertificate | undefined): boolean =>
  entry !== undefined && entry.reason !== CrlReason.certificateHold && entry.reason !== CrlReason.removeFromCRL;

const revoked = (source: string, { revocationDate, reason }: RevokedCertificate): RevocationAnswer => ({
  status: 'revoked',
  source,
  revocationDate,
  reason: REASONS.get(reason ?? 0) ?? 'unspecified',
});

/** Whether a list answers for a certificate at one of its distribution points, for every reason (RFC 5280 §6.3.3 (b), (d)). */
const covers = (list: CertificateList, certificate: Certificate): boolean =>
  distributionPointsOf(certificate).some((point) => reasonsInScope(list, point, certificate) === ALL_REASONS);

const isDelta = ({ list }: CrlIndex): boolean => list.extensions.deltaCrlIndicator !== undefined;
const numberOf = ({ list }: CrlIndex): bigint => list.extensions.crlNumber ?? -1n;
const sourceOf = (index: CrlIndex): string => (numberOf(index) < 0n ? 'CRL' : `CRL ${String(numberOf(index))}`);

function compareNumbers(a: CrlIndex, b: CrlIndex): number {
  const difference = numberOf(a) - numberOf(b);
  return difference > 0n ? 1 : difference < 0n ? -1 : 0;
}

/** RFC 5280 §5.2.4: the same scope, and the base not above the complete list, which is before the delta. */
function goesWith(delta: CrlIndex, complete: CrlIndex): boolean {
  const base = delta.list.extensions.deltaCrlIndicator ?? 0n;
  const number = numberOf(complete);
  return sameScope(delta.list, complete.list) && number >= base && number < numberOf(delta);
}

/**
 * Whether a delta is needed beside others that are newer: it is the newest that goes with a complete list among `lists`, which are all of its CA. Without it,
 * what it revoked would be good again until the complete list is there that the newer ones are for.
 */
export const isNeeded = (delta: CrlIndex, lists: readonly CrlIndex[]): boolean =>
  isDelta(delta) &&
  lists.some(
    (complete) =>
      !isDelta(complete) &&
      goesWith(delta, complete) &&
      !lists.some((other) => isDelta(other) && numberOf(other) > numberOf(delta) && goesWith(other, complete)),
  );
