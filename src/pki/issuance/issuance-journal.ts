import { hash } from 'node:crypto';
import type { AuditEntry, AuditLog } from '../../audit/index.js';
import {
  compromisedKeys,
  GatheredWrites,
  insertCertificates,
  reserveSerials,
  type NewCertificateRow,
  type Store,
  type Transaction,
} from '../../store/index.js';
import { nameToString, type Certificate } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import type { IssuanceToken } from './issuance-token.js';

/** Runs in the transaction that stores a certificate, before its row: what it throws, undoes all of it. */
export type Alongside = (transaction: Transaction, certificate: Certificate) => Promise<void>;

interface Made {
  readonly certificate: Certificate;
  readonly token: IssuanceToken;
}

/**
 * What the store hears of each certificate: the intent, durable before a key is touched, and what came of it, durable before anybody is told.
 * Certificates that are made at the same time share the statements and the commits.
 */
export class IssuanceJournal {
  readonly #store: Store;
  readonly #audit: AuditLog;
  readonly #now: () => Date;
  readonly #intents: GatheredWrites<IssuanceToken, boolean>;
  readonly #results: GatheredWrites<Made, undefined>;

  constructor({ store, audit, now }: { readonly store: Store; readonly audit: AuditLog; readonly now: () => Date }) {
    this.#store = store;
    this.#audit = audit;
    this.#now = now;
    this.#intents = new GatheredWrites<IssuanceToken, boolean>(store, (transaction, tokens) =>
      this.#takeAll(transaction, tokens),
    );
    this.#results = new GatheredWrites<Made, undefined>(store, (transaction, made) =>
      this.#recordAll(transaction, made),
    );
  }

  /**
   * Takes the token's serial number and records the intent; false when the number was taken before. Throws PkiError `key_compromised`,
   * and what the store throws.
   */
  take(token: IssuanceToken): Promise<boolean> {
    return this.#intents.add(token);
  }

  /** Stores a certificate. Throws PkiError `key_compromised` when its key became that meanwhile, what `alongside` and what the store throws. */
  async record(made: Made, alongside?: Alongside): Promise<void> {
    if (!alongside) return this.#results.add(made);
    await this.#store.transaction(async (transaction) => {
      await alongside(transaction, made.certificate);
      const [refused] = await this.#recordAll(transaction, [made]);
      if (refused) throw refused;
    });
  }

  async #takeAll(transaction: Transaction, tokens: readonly IssuanceToken[]): Promise<(boolean | PkiError)[]> {
    const compromised = await compromisedKeys(transaction, tokens.map(keyOf));
    const good = tokens.filter((token) => !compromised.has(keyOf(token)));
    const numbers = good.map(({ serialNumber }) => serialNumber);
    const taken = numbers.length > 0 ? await reserveSerials(transaction, numbers, this.#now()) : new Set<string>();
    const intents = good.filter(({ serialNumber }) => taken.has(serialNumber));
    await this.#audit.appendAll(
      intents.map((token) => ({ ...auditEntry(token), phase: 'intent' })),
      transaction,
    );
    return tokens.map((token) => (compromised.has(keyOf(token)) ? keyCompromised() : taken.has(token.serialNumber)));
  }

  async #recordAll(transaction: Transaction, all: readonly Made[]): Promise<(PkiError | undefined)[]> {
    const compromised = await compromisedKeys(
      transaction,
      all.map(({ token }) => keyOf(token)),
    );
    const isGood = ({ token }: Made): boolean => !compromised.has(keyOf(token));
    const good = all.filter(isGood);
    if (good.length > 0) {
      const now = this.#now();
      await insertCertificates(
        transaction,
        good.map((made) => rowOf(made, now)),
      );
      await this.#audit.appendAll(good.map(resultOf), transaction);
    }
    return all.map((made) => (isGood(made) ? undefined : keyCompromised()));
  }
}

/** A key that was reported compromised is not certified again (CA/Browser Forum Baseline Requirements §6.1.1.3). */
export const keyCompromised = (): PkiError =>
  new PkiError('key_compromised', 'a certificate of this key was revoked because the key was compromised');

const keyOf = ({ accepted }: IssuanceToken): string => keyDigest(accepted.publicKey.der);

function auditEntry({ accepted, issuer, serialNumber }: IssuanceToken): Omit<AuditEntry, 'phase'> {
  const { profile, subject, requester } = accepted;
  return {
    action: 'certificate.issue',
    actor: requester.actor,
    requestId: requester.requestId,
    subject: serialNumber,
    detail: { issuer: issuer.id, profile: profile.name, subject: nameToString(subject) },
  };
}

const resultOf = ({ certificate, token }: Made): AuditEntry => ({
  ...auditEntry(token),
  phase: 'result',
  detail: { fingerprint: certificate.fingerprint256 },
});

function rowOf({ certificate, token: { accepted, issuer } }: Made, now: Date): NewCertificateRow {
  return {
    serial: certificate.serialNumber,
    issuer: issuer.id,
    profile: accepted.profile.name,
    service: accepted.service ?? null,
    subject: nameToString(certificate.subject),
    not_before: certificate.notBefore.getTime(),
    not_after: certificate.notAfter.getTime(),
    spki_sha256: keyDigest(certificate.publicKey.der),
    fingerprint: certificate.fingerprint256,
    der: certificate.der,
    requester: accepted.requester.actor,
    request_id: accepted.requester.requestId,
    issued_at: now.getTime(),
  };
}

/** SHA-256 of a SubjectPublicKeyInfo, lower-case hexadecimal. */
export function keyDigest(spki: Uint8Array): string {
  return hash('sha256', spki);
}
