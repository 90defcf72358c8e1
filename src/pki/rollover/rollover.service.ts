import {
  listCrossCertificates,
  listIssuers,
  setIssuerState,
  type Database,
  type IssuerRow,
  type Transaction,
} from '../../store/index.js';
import { decodeCertificate } from '../../x509/index.js';
import type { CrlService } from '../crl/crl.service.js';
import { earliestNow } from '../earliest-now.js';
import type { IssuanceContext } from '../issuance/issue-certificate.js';
import type { Authorities } from '../issuer/authorities.js';
import { ensureAuthority, type Creation } from '../issuer/authority-creation.js';
import { ensureCrossCertificate, isCrossed } from '../issuer/cross-certificate.js';
import { PkiError } from '../pki-error.js';
import type { Requester } from '../pki-settings.js';
import type { RevocationRegistry } from '../revocation/revocation-registry.js';
import type { RevocationService } from '../revocation/revocation.service.js';
import { nextAuthorityId } from './next-authority.js';
import {
  planStep,
  type RolloverPlan,
  type RolloverStep,
  type RolloverTarget,
  type StateChange,
} from './rollover-plan.js';
import { dependentsOf, describeDependents, isRevoked, standingsOf, type IssuerStanding } from './rollover-status.js';

/** A requested step; `back` reverses it. */
export interface RolloverRequest extends RolloverTarget {
  readonly step: RolloverStep;
  readonly back?: boolean | undefined;
  readonly requester: Requester;
}

/** The result of a step. `already`: the step was done before, and nothing changed. */
export interface RolloverOutcome {
  readonly subject: string;
  readonly changes: readonly StateChange[];
  readonly already: boolean;
}

/**
 * Replaces CAs in stages: the next CA is created, is published, and begins to sign; the old CA stops signing, and is removed when no valid
 * certificate depends on it.
 */
export class RolloverService {
  readonly #authorities: Authorities;
  readonly #creation: Omit<Creation, 'requester'>;
  readonly #context: IssuanceContext;
  readonly #crls: CrlService;
  readonly #registry: RevocationRegistry;
  readonly #revocations: RevocationService;
  readonly #follow: () => Promise<unknown>;

  constructor(parts: {
    readonly authorities: Authorities;
    readonly creation: Omit<Creation, 'requester'>;
    readonly crls: CrlService;
    readonly registry: RevocationRegistry;
    readonly revocations: RevocationService;
    /** Makes this process pick up the changes in the store and write the public files. */
    readonly follow: () => Promise<unknown>;
  }) {
    this.#authorities = parts.authorities;
    this.#creation = parts.creation;
    this.#context = parts.creation.context;
    this.#crls = parts.crls;
    this.#registry = parts.registry;
    this.#revocations = parts.revocations;
    this.#follow = parts.follow;
  }

  /** The standing of each CA, and whether it can be removed. */
  async status(): Promise<IssuerStanding[]> {
    const { database } = this.#context.store;
    return standingsOf(database, await listIssuers(database), await earliestNow(this.#context));
  }

  /**
   * Takes a step, or completes one that was interrupted. A step that was done before changes nothing. Each step is recorded in the audit record
   * before and after. Throws PkiError `rollover_premature` with what has to happen first, `issuer_unknown`, `key_elsewhere`, `issuer_expired`,
   * `issuer_revoked`, and what keys and store throw.
   */
  async take(request: RolloverRequest): Promise<RolloverOutcome> {
    await this.#authorities.refresh();
    const outcome = await this.#take(request);
    // Done even when nothing changed, to complete a step that was interrupted after its change.
    await this.#follow();
    await this.#crls.publishIfDue(request.requester);
    return outcome;
  }

  async #take(request: RolloverRequest): Promise<RolloverOutcome> {
    const { step, back = false, requester } = request;
    if (step === 'prepare') return back ? this.#withdraw(request) : this.#prepare(request);
    return this.#change(request, { step, back }, requester);
  }

  async #change(
    target: RolloverTarget,
    move: Parameters<typeof planStep>[1],
    requester: Requester,
  ): Promise<RolloverOutcome> {
    const { store, audit } = this.#context;
    const first = planStep(await rowsOf(store.database), move, target);
    if (first.changes.length === 0) return { ...first, already: true };
    await this.#checkFit(first);
    const entry = this.#entryOf(move, first.subject, requester);
    await audit.append({ ...entry, phase: 'intent' });
    // The lists of a CA must exist before the CA is published, so that whoever learns of the CA finds them.
    for (const { id, from, to } of first.changes)
      if (from === 'prepared' && to === 'published' && this.#authorities.named(id).keyHere)
        await this.#crls.signFirst(id, requester);
    const now = await earliestNow(this.#context);
    const plan = await store.transaction(async (transaction) => {
      // Planned again inside the transaction: another process may have done the step meanwhile.
      const planned = planStep(await rowsOf(transaction), move, target);
      await this.#checkEmptied(transaction, planned, now);
      // The change to `active` comes last, because there is at most one active CA of each role at any time.
      for (const { id, to } of planned.changes.toSorted(
        (a, b) => Number(a.to === 'active') - Number(b.to === 'active'),
      ))
        await setIssuerState(transaction, id, to);
      const detail = Object.fromEntries(planned.changes.map(({ id, from, to }) => [id, `${from} to ${to}`]));
      await audit.append({ ...entry, phase: 'result', detail }, transaction);
      return planned;
    });
    return { ...plan, already: plan.changes.length === 0 };
  }

  #entryOf({ step, back }: { readonly step: string; readonly back: boolean }, subject: string, requester: Requester) {
    const { actor, requestId } = requester;
    return { action: `ca.rollover.${step}${back ? '.back' : ''}`, actor, requestId, subject };
  }

  /**
   * Checks the CAs of a plan. A CA that is published, activated or brought back must be neither expired nor revoked; the key of one that becomes
   * active must open. Throws PkiError `issuer_expired`, `issuer_revoked`, and what the key throws.
   */
  async #checkFit({ changes }: RolloverPlan): Promise<void> {
    // The CA that is replaced is not checked: it may be replaced because it is compromised or expired.
    const rising = changes.filter(
      ({ from, to }) => from !== 'active' && (from === 'removed' || to === 'active' || to === 'published'),
    );
    for (const { id } of rising) {
      const { certificate, parent } = this.#authorities.named(id);
      if (certificate.notAfter <= this.#context.now())
        throw new PkiError('issuer_expired', `the CA ${id} expired on ${certificate.notAfter.toISOString()}`);
      const above = this.#authorities.named(parent).certificate;
      await this.#registry.refresh();
      if (this.#registry.statusOf(above, certificate.serialNumber).status === 'revoked')
        throw new PkiError('issuer_revoked', `the CA ${id} is revoked`);
    }
    for (const { id } of changes.filter(({ to }) => to === 'active')) await this.#authorities.named(id).issuer.open();
  }

  /** Throws PkiError `rollover_premature` while a plan would take the trust from a valid certificate. */
  async #checkEmptied(transaction: Transaction, { subject, emptied }: RolloverPlan, now: Date): Promise<void> {
    const issuers = (await listIssuers(transaction)).filter(({ id }) => emptied.includes(id));
    const dependents = await dependentsOf(transaction, issuers, now);
    if (dependents.usage.valid > 0) throw new PkiError('rollover_premature', describeDependents(subject, dependents));
  }

  async #prepare({ root = false, issuer, requester }: RolloverRequest): Promise<RolloverOutcome> {
    const { store, audit } = this.#context;
    const rows = await listIssuers(store.database);
    const current = this.#activeRoot(rows, issuer);
    const wanted = root ? nextRoot(rows) : undefined;
    const parent = wanted?.id ?? current.id;
    const issuing = nextIssuing(rows, parent);
    // A root that has expired can sign nothing, and no good certificate leads to it.
    const isOver = current.certificate.notAfter <= this.#context.now();
    const crossed = isOver || (await this.#isCrossed(current.id, parent));
    if ((wanted?.exists ?? true) && issuing.exists && crossed)
      return { subject: wanted?.id ?? issuing.id, changes: [], already: true };
    if (!current.keyHere)
      throw new PkiError('key_elsewhere', `the key of ${current.id}, which would sign the next CA, is not here`);
    const entry = this.#entryOf({ step: 'prepare', back: false }, wanted?.id ?? issuing.id, requester);
    await audit.append({ ...entry, phase: 'intent' });
    const creation = { ...this.#creation, requester };
    const state = 'prepared';
    let above = current.issuer;
    if (wanted) {
      above = await ensureAuthority(creation, { id: wanted.id, role: 'root', state, parent: undefined });
      if (!crossed) {
        const { subject, publicKey } = above.identity;
        await ensureCrossCertificate(creation, { id: wanted.id, certificate: { subject, publicKey } }, current.issuer);
        await ensureCrossCertificate(creation, current, above);
      }
    }
    await ensureAuthority(creation, { id: issuing.id, role: 'issuing', state, parent: above });
    await audit.append({ ...entry, phase: 'result', detail: { issuing: issuing.id } });
    return { subject: wanted?.id ?? issuing.id, changes: [], already: false };
  }

  #activeRoot(rows: readonly IssuerRow[], issuer: string | undefined) {
    const id = issuer ?? rows.find(({ role, state }) => role === 'root' && state === 'active')?.id;
    if (id === undefined) throw new PkiError('authority_missing', 'there is no active root');
    const named = this.#authorities.named(id);
    const root = this.#authorities.named(named.parent);
    if (root.state !== 'active') throw new PkiError('rollover_premature', `${root.id} is not the active root`);
    return root;
  }

  async #isCrossed(one: string, other: string): Promise<boolean> {
    if (one === other) return true;
    const { database } = this.#context.store;
    return (
      (await isCrossed(database, { issuer: one, signer: other })) &&
      (await isCrossed(database, { issuer: other, signer: one }))
    );
  }

  /**
   * Withdraws a prepared CA. The certificates that were signed for it (its own and cross-certificates) are revoked, because they exist and must not
   * be accepted later.
   */
  async #withdraw({ requester, ...target }: RolloverRequest): Promise<RolloverOutcome> {
    const { store } = this.#context;
    const rows = await rowsOf(store.database);
    const move = { step: 'withdraw', back: false } as const;
    const { changes } = planStep(rows, move, target);
    const ids = changes.map(({ id }) => id);
    const authorities = rows.filter(({ id, parent }) => ids.includes(id) && parent !== id);
    const crosses = (await listCrossCertificates(store.database)).filter(
      ({ issuer, signer }) => ids.includes(issuer) || ids.includes(signer),
    );
    const serials = [
      ...authorities.map(({ der }) => decodeCertificate(der).serialNumber),
      ...crosses.map(({ serial }) => serial),
    ];
    for (const serialNumber of serials)
      await this.#revocations.revoke({ serialNumber, reason: 'cessationOfOperation', requester });
    return this.#change(target, move, requester);
  }
}

/** All CAs, oldest first, each with whether it is revoked. */
const rowsOf = async (database: Database) =>
  Promise.all((await listIssuers(database)).map(async (row) => ({ ...row, revoked: await isRevoked(database, row) })));

interface Next {
  readonly id: string;
  /** Whether this CA exists already, prepared or published but not yet active. */
  readonly exists: boolean;
}

/** The next root after the active one. */
function nextRoot(rows: readonly IssuerRow[]): Next {
  return nextOf(rows, 'root', () => true);
}

/** The next issuing CA below `parent`. */
function nextIssuing(rows: readonly IssuerRow[], parent: string): Next {
  return nextOf(rows, 'issuing', (row) => row.parent === parent);
}

function nextOf(rows: readonly IssuerRow[], role: IssuerRow['role'], fits: (row: IssuerRow) => boolean): Next {
  const active = rows.findIndex((row) => row.role === role && row.state === 'active');
  const begun = rows.findLast(
    (row, index) =>
      row.role === role && index > active && (row.state === 'prepared' || row.state === 'published') && fits(row),
  );
  return begun ? { id: begun.id, exists: true } : { id: nextAuthorityId(rows, role), exists: false };
}
