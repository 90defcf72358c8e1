import { hasEmptyScope, type CertificateList } from '../certificate-list.js';
import type { Certificate } from '../certificate.js';
import type { DistributionPoint } from '../distribution-point.js';
import { Oid } from '../oids.js';
import { CrlReason, isFinal, type RevokedCertificate } from '../revoked-certificate.js';
import { CrlEntries } from './crl-entries.js';
import type { CrlIssuers } from './crl-issuers.js';
import { ALL_REASONS, distributionPointsOf, reasonsInScope, sameScope, stepsFor } from './crl-scope.js';
import { needsNoRevocationStatus } from './no-revocation.js';
import { defect, failureOf, type PathFailure } from './path-failure.js';
import type { CandidatePath } from './path-search.js';

/** What the CRLs at hand say about one certificate. */
type RevocationState =
  { readonly state: 'good' | 'unknown' } | { readonly state: 'revoked'; readonly entry: RevokedCertificate };

// What it takes to ask about a certificate when there are no lists. A path may be asked about for each of the many paths of who signed a list.
const LOOK_STEPS = 8;

/** The CRLs that may answer for a certificate, the newest first, at which of its points, and the steps of work to go through them. */
interface RelevantLists {
  readonly points: readonly DistributionPoint[];
  readonly complete: readonly CertificateList[];
  readonly deltas: readonly CertificateList[];
  readonly steps: number;
}

const GOOD: RevocationState = { state: 'good' };
const UNKNOWN: RevocationState = { state: 'unknown' };

// RFC 5280 §5.2: the extensions that this validation processes.
const PROCESSED: ReadonlySet<string> = new Set([
  Oid.authorityKeyIdentifier,
  Oid.crlNumber,
  Oid.deltaCrlIndicator,
  Oid.issuingDistributionPoint,
  Oid.freshestCrl,
]);

const CRITICAL: ReadonlySet<string> = new Set([Oid.deltaCrlIndicator, Oid.issuingDistributionPoint]);

/**
 * Revocation by CRLs (RFC 5280 §6.3). The CRLs are an argument: nothing is fetched. A CRL counts when it is in scope, has no unknown critical extension, and is
 * signed by its issuer, whose own path leads to the same anchor. It makes a certificate good only while it is current, numbered and in the form of §5.2. That
 * a certificate is revoked for good stays known from a CRL that is past its nextUpdate, has none, or was followed by another. CRLs of several keys of one
 * issuer all count: some CAs report with each key on the certificates that this key signed.
 */
export class CrlStatus {
  readonly #complete: readonly CertificateList[];
  readonly #deltas: readonly CertificateList[];
  readonly #entries: CrlEntries;
  readonly #relevant = new Map<Certificate, RelevantLists>();

  constructor(
    crls: readonly CertificateList[],
    serialNumbers: ReadonlySet<string>,
    readonly time: Date,
    readonly issuers: CrlIssuers,
  ) {
    const usable = crls.filter((crl) => hasOnlyKnownCriticals(crl) && crl.thisUpdate <= time).sort(newestFirst);
    this.#complete = usable.filter(({ extensions }) => extensions.deltaCrlIndicator === undefined);
    this.#deltas = usable.filter(({ extensions }) => extensions.deltaCrlIndicator !== undefined);
    this.#entries = new CrlEntries(serialNumbers);
  }

  /** The revocation failure of a path, if any: a revoked certificate before one of unknown status, which counts only when `required`. */
  failure(path: CandidatePath, required: boolean): PathFailure | undefined {
    if (this.#complete.length + this.#deltas.length === 0 && !required) return undefined;
    let unknown: PathFailure | undefined;
    for (let index = path.length - 2; index >= 0; index--) {
      const [certificate, ...above] = path.slice(index);
      if (!certificate) continue;
      const status = this.#stateOf([certificate, ...above]);
      if (status.state === 'revoked') return revokedFailure(certificate, index, status.entry);
      if (required && status.state === 'unknown' && !needsNoRevocationStatus(certificate))
        unknown ??= failureOf(
          defect('revocation_unknown', 'RFC 5280 §6.3.3', 'no usable CRL answers for the certificate'),
          certificate,
          index,
        );
    }
    return unknown;
  }

  /** Applies RFC 5280 §6.3.3 to the first certificate of `path`; what stands below it has no say. Throws WorkLimitReached. */
  #stateOf(path: CandidatePath): RevocationState {
    const [certificate] = path;
    let reasons = 0;
    // The reasons for which newer CRLs of a signer have answered: what an older one says of a hold no longer counts then.
    const answered = new Map<Certificate, number>();
    const lists = this.#relevantTo(certificate);
    this.issuers.pool.signatures.work.step(LOOK_STEPS + lists.steps);
    for (const point of lists.points)
      for (const crl of lists.complete) {
        const covered = reasonsInScope(crl, point, certificate);
        if (covered === 0) continue;
        const current = isCurrent(crl, this.time);
        const signer = this.issuers.signerOf(crl, path);
        if (!signer || !this.#entries.isUsable(crl)) continue;
        const entry = this.#entryFor(crl, current, path);
        const before = answered.get(signer) ?? 0;
        const isLatest = current && (covered & ~before) !== 0;
        if (entry && (isLatest || isFinal(entry))) return { state: 'revoked', entry };
        if (!vouches(crl, this.time)) continue;
        answered.set(signer, before | covered);
        reasons |= covered;
      }
    const entry = this.#deltaEntryFor(lists, path) ?? this.#finalEntryFor(lists, path);
    if (entry) return { state: 'revoked', entry };
    return reasons === ALL_REASONS ? GOOD : UNKNOWN;
  }

  /** The lists of all issuers that may answer for a certificate: its own, and those that its distribution points name. */
  #relevantTo(certificate: Certificate): RelevantLists {
    let lists = this.#relevant.get(certificate);
    if (lists) return lists;
    const points = distributionPointsOf(certificate);
    const named = points.flatMap(({ crlIssuer = [] }) =>
      crlIssuer.map((name) => name.kind === 'directory' && name.value.key),
    );
    const issuers = new Set([certificate.issuer.key, ...named]);
    const isRelevant = ({ issuer }: CertificateList): boolean => issuers.has(issuer.key);
    const [complete, deltas] = [this.#complete.filter(isRelevant), this.#deltas.filter(isRelevant)];
    const steps = points.reduce((sum, point) => sum + stepsFor(point), 0) * (complete.length + deltas.length);
    this.#relevant.set(certificate, (lists = { points, complete, deltas, steps }));
    return lists;
  }

  /**
   * The entry in delta CRLs that are newer than every complete CRL at hand, even if they cannot be combined with any, or are past their nextUpdate: they make
   * nothing good, but what they revoke is revoked.
   */
  #deltaEntryFor({ points, complete, deltas }: RelevantLists, path: CandidatePath): RevokedCertificate | undefined {
    const [certificate] = path;
    let latest: RevokedCertificate | undefined;
    for (const delta of deltas) {
      if (!points.some((point) => reasonsInScope(delta, point, certificate) !== 0)) continue;
      const signer = this.issuers.signerOf(delta, path);
      if (!signer || !this.#entries.isUsable(delta)) continue;
      const isOver = (crl: CertificateList): boolean =>
        vouches(crl, this.time) && isSuccessor(crl, delta) && this.issuers.signerOf(crl, path) === signer;
      if (complete.some(isOver)) continue;
      const entry = this.#entries.find(delta, certificate);
      if (entry && isFinal(entry)) return entry;
      if (isCurrent(delta, this.time)) latest ??= entry;
    }
    return latest?.reason === CrlReason.certificateHold ? latest : undefined;
  }

  /** The entry that revokes for good in a list of the issuer itself that nobody along this path has the right to sign. */
  #finalEntryFor({ points, complete, deltas }: RelevantLists, path: CandidatePath): RevokedCertificate | undefined {
    const [certificate] = path;
    for (const crl of [...complete, ...deltas]) {
      if (!points.some((point) => reasonsInScope(crl, point, certificate) !== 0)) continue;
      if (this.issuers.signerOf(crl, path) || !this.issuers.isByIssuer(crl, path)) continue;
      const entry = this.#entries.find(crl, certificate);
      if (entry && isFinal(entry)) return entry;
    }
    return undefined;
  }

  /** RFC 5280 §6.3.3 (i)–(k): what was revoked for good stays so. Otherwise the delta comes first, and it may say that a hold is over. */
  #entryFor(crl: CertificateList, current: boolean, path: CandidatePath): RevokedCertificate | undefined {
    const [certificate] = path;
    const entry = this.#entries.find(crl, certificate);
    if (!current || (entry && isFinal(entry))) return entry;
    const delta = this.#deltaFor(crl, path);
    const changed = delta && this.#entries.find(delta, certificate);
    return changed?.reason === CrlReason.removeFromCRL ? undefined : (changed ?? entry);
  }

  /** The newest delta CRL that may be combined with `base` (RFC 5280 §5.2.4). */
  #deltaFor(base: CertificateList, path: CandidatePath): CertificateList | undefined {
    const signer = this.issuers.signerOf(base, path);
    return this.#deltas.find((delta) => {
      const number = base.extensions.crlNumber;
      const [from, to] = [delta.extensions.deltaCrlIndicator, delta.extensions.crlNumber];
      return (
        number !== undefined &&
        from !== undefined &&
        to !== undefined &&
        number >= from &&
        number < to &&
        delta.issuer.key === base.issuer.key &&
        sameScope(delta, base) &&
        vouches(delta, this.time) &&
        // §6.3.3 (h): the key that signed the complete CRL signed the delta.
        this.issuers.signerOf(delta, path) === signer &&
        this.#entries.isUsable(delta)
      );
    });
  }
}

/** Whether a complete CRL already holds what `delta` says: of the same issuer and scope, numbered no lower. */
function isSuccessor(crl: CertificateList, delta: CertificateList): boolean {
  const [number, other] = [crl.extensions.crlNumber, delta.extensions.crlNumber];
  return (
    number !== undefined &&
    other !== undefined &&
    number >= other &&
    crl.issuer.key === delta.issuer.key &&
    sameScope(crl, delta)
  );
}

/** By thisUpdate; of one second, by number (RFC 5280 §5.2.3). */
function newestFirst(a: CertificateList, b: CertificateList): number {
  const [number = -1n, other = -1n] = [a.extensions.crlNumber, b.extensions.crlNumber];
  return b.thisUpdate.getTime() - a.thisUpdate.getTime() || Number(other > number) - Number(other < number);
}

function hasOnlyKnownCriticals({ extensions }: CertificateList): boolean {
  return [...extensions.all.values()].every(({ oid, critical }) => !critical || PROCESSED.has(oid));
}

const isCurrent = ({ nextUpdate }: CertificateList, time: Date): boolean =>
  nextUpdate !== undefined && time <= nextUpdate;

/** Whether a CRL may call a certificate good at `time`: it is current and numbered, has no empty scope, and each extension has the right criticality (RFC 5280 §5.1.2.5, §5.2). */
function vouches(crl: CertificateList, time: Date): boolean {
  const { version, extensions } = crl;
  return (
    isCurrent(crl, time) &&
    (version === 1 || extensions.crlNumber !== undefined) &&
    !hasEmptyScope(crl) &&
    [...extensions.all.values()].every(({ oid, critical }) => critical === CRITICAL.has(oid))
  );
}

function revokedFailure(
  certificate: Certificate,
  index: number,
  { revocationDate, reason }: RevokedCertificate,
): PathFailure {
  const why =
    Object.entries(CrlReason).find(([, value]) => value === (reason ?? CrlReason.unspecified))?.[0] ?? 'unspecified';
  return failureOf(
    defect('revoked', 'RFC 5280 §6.3.3', `the certificate was revoked at ${revocationDate.toISOString()}: ${why}`),
    certificate,
    index,
  );
}
