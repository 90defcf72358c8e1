import type { AuditEntry, AuditLog } from '../../audit/index.js';
import {
  activeIssuers,
  compromisedKeys,
  GatheredWrites,
  insertCertificates,
  issuanceStatements,
  reserveSerials,
  runTogether,
  type NewCertificateRow,
  type Store,
  type Transaction,
  type WholeWork,
} from '../../store/index.js';
import type { Certificate } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import { isByActive } from '../profile/profile.js';
import type { IssuanceToken } from './issuance-token.js';

/** Runs in the transaction that stores a certificate, before its row: what it throws, undoes all of it. */
export type Alongside = (transaction: Transaction, certificate: Certificate) => Promise<void>;

/** A step of one certificate: `intent` before its signature, `result` with it. */
type Step =
  | { readonly phase: 'intent'; readonly token: IssuanceToken }
  | { readonly phase: 'result'; readonly token: IssuanceToken; readonly certificate: Certificate };

/**
 * Writes two steps of each certificate to the store: the intent, which is durable before a key is touched, and the result, which is durable before anybody is
 * told. Steps of certificates that are made at the same time share statements and commits.
 */
export class IssuanceJournal {
  readonly #store: Store;
  readonly #audit: AuditLog;
  readonly #now: () => Date;
  readonly #steps: GatheredWrites<Step, boolean>;

  constructor({ store, audit, now }: { readonly store: Store; readonly audit: AuditLog; readonly now: () => Date }) {
    this.#store = store;
    this.#audit = audit;
    this.#now = now;
    this.#steps = new GatheredWrites<Step, boolean>(store, {
      whole: (steps) => this.#whole(steps),
      write: (transaction, steps) => this.#write(transaction, steps),
    });
  }

  /**
   * Takes the token's serial number and records the intent; false when the number was taken before. Throws PkiError `key_compromised`, `issuer_inactive`
   * when another CA signs by now, and what the store throws.
   */
  take(token: IssuanceToken): Promise<boolean> {
    return this.#steps.add({ phase: 'intent', token });
  }

  /**
   * Stores a certificate. Throws PkiError `key_compromised` and `issuer_inactive` when that came about meanwhile, what `alongside` and what the store throws.
   */
  async record(token: IssuanceToken, certificate: Certificate, alongside?: Alongside): Promise<void> {
    const step: Step = { phase: 'result', token, certificate };
    if (!alongside) {
      await this.#steps.add(step);
      return;
    }
    await this.#store.transaction(async (transaction) => {
      await alongside(transaction, certificate);
      const [outcome] = await this.#write(transaction, [step]);
      if (outcome instanceof PkiError) throw outcome;
    });
  }

  /** For each step true, false when its serial number was taken before, or why it is refused. */
  async #write(transaction: Transaction, steps: readonly Step[]): Promise<(boolean | PkiError)[]> {
    await this.#audit.findEnd(transaction);
    const whole = this.#whole(steps);
    if (whole && (await runTogether(transaction, whole.statements))) return whole.written();
    const now = this.#now();
    const compromised = await compromisedKeys(transaction, steps.map(keyOf));
    const active = issuersOf(steps).length > 0 ? await activeIssuers(transaction) : new Set<string>();
    const refusalOf = (step: Step): PkiError | undefined => {
      if (compromised.has(keyOf(step))) return keyCompromised();
      return issuersOf([step]).every((id) => active.has(id)) ? undefined : issuerInactive(step);
    };
    const good = steps.filter((step) => !refusalOf(step));
    const numbers = good.flatMap(({ phase, token }) => (phase === 'intent' ? [token.serialNumber] : []));
    const taken = numbers.length > 0 ? await reserveSerials(transaction, numbers, now) : new Set<string>();
    const isWritten = (step: Step): boolean => step.phase === 'result' || taken.has(step.token.serialNumber);
    const rows = good.flatMap((step) => (step.phase === 'result' ? [rowOf(step)] : []));
    if (rows.length > 0) await insertCertificates(transaction, rows);
    await this.#audit.appendAll(good.filter(isWritten).map(auditEntry), transaction);
    return steps.map((step) => refusalOf(step) ?? isWritten(step));
  }

  /** The steps as statements, for the case that nothing stands in the way of any. */
  #whole(steps: readonly Step[]): WholeWork<true[]> | undefined {
    const now = this.#now();
    const audit = this.#audit.appending(steps.map(auditEntry));
    if (!audit) return undefined;
    const issuance = issuanceStatements({
      issuers: issuersOf(steps),
      keys: steps.map(keyOf),
      serials: steps.flatMap(({ phase, token }) => (phase === 'intent' ? [token.serialNumber] : [])),
      rows: steps.flatMap((step) => (step.phase === 'result' ? [rowOf(step)] : [])),
      now,
    });
    return {
      // First where the record ends: on a node that others write beside, that is what does not hold.
      statements: [...audit.statements, ...issuance],
      written: () => {
        audit.written();
        return steps.map(() => true);
      },
    };
  }
}

/** A key that was reported compromised is not certified again (CA/Browser Forum Baseline Requirements §6.1.1.3). */
export const keyCompromised = (): PkiError =>
  new PkiError('key_compromised', 'a certificate of this key was revoked because the key was compromised');

const issuerInactive = ({ token: { issuer } }: Step): PkiError =>
  new PkiError('issuer_inactive', `the CA ${issuer.id} is not the one that signs certificates`);

/** The CAs that have to be active for these steps, each once. */
const issuersOf = (steps: readonly Step[]): readonly string[] => [
  ...new Set(steps.filter(({ token }) => isByActive(token.accepted.profile)).map(({ token }) => token.issuer.id)),
];

const keyOf = ({ token }: Step): string => token.accepted.keyDigest;

function auditEntry(step: Step): AuditEntry {
  const { accepted, issuer, serialNumber } = step.token;
  const { profile, subjectText, requester } = accepted;
  return {
    action: 'certificate.issue',
    phase: step.phase,
    actor: requester.actor,
    requestId: requester.requestId,
    subject: serialNumber,
    detail:
      step.phase === 'intent'
        ? { issuer: issuer.id, profile: profile.name, subject: subjectText }
        : { fingerprint: step.certificate.fingerprint256 },
  };
}

function rowOf({ certificate, token }: Extract<Step, { phase: 'result' }>): NewCertificateRow {
  const { accepted, issuer, serialNumber, crlShard, issuedAt } = token;
  return {
    serial: serialNumber,
    issuer: issuer.id,
    profile: accepted.profile.name,
    service: accepted.service ?? null,
    subject: accepted.subjectText,
    not_before: certificate.notBefore.getTime(),
    not_after: certificate.notAfter.getTime(),
    spki_sha256: accepted.keyDigest,
    fingerprint: certificate.fingerprint256,
    der: certificate.der,
    requester: accepted.requester.actor,
    request_id: accepted.requester.requestId,
    issued_at: issuedAt.getTime(),
    crl_shard: crlShard,
    lifetime: accepted.lifetime,
  };
}
