import type { IssuerRole, IssuerRow, IssuerState } from '../../store/index.js';
import { PkiError } from '../pki-error.js';

/** The steps of a rollover, in order. */
export const ROLLOVER_STEPS = ['prepare', 'publish', 'activate', 'retire', 'remove'] as const;
export type RolloverStep = (typeof ROLLOVER_STEPS)[number];

/**
 * The CAs that a step applies to. `issuer`: one CA by its id. `root`: the roots with the issuing CAs below them. Neither: the issuing CAs below the
 * active root.
 */
export interface RolloverTarget {
  readonly root?: boolean | undefined;
  readonly issuer?: string | undefined;
}

/** The change of one CA from one state to another. */
export interface StateChange {
  readonly id: string;
  readonly from: IssuerState;
  readonly to: IssuerState;
}

/**
 * What a step does. `changes` is empty when the step was done before. `emptied`: the ids of the CAs whose certificates must all be expired or revoked
 * before the step may be done.
 */
export interface RolloverPlan {
  readonly subject: string;
  readonly changes: readonly StateChange[];
  readonly emptied: readonly string[];
}

type Row = Pick<IssuerRow, 'id' | 'role' | 'parent' | 'state'> & { readonly revoked: boolean };

/**
 * Plans `step`, or with `back` its reversal, for `rows` (oldest first). Pure. Throws PkiError `rollover_premature` when another step has to come
 * first or several CAs fit, and `issuer_unknown` when the target names an id that does not exist.
 */
export function planStep(
  rows: readonly Row[],
  { step, back }: { readonly step: Exclude<RolloverStep, 'prepare'> | 'withdraw'; readonly back: boolean },
  target: RolloverTarget,
): RolloverPlan {
  const line = new Line(rows, target);
  switch (step) {
    case 'withdraw':
      return line.withdraw();
    case 'publish':
      return back ? line.unpublish() : line.publish();
    case 'activate':
      return line.activate(back);
    case 'retire':
      return back ? line.unretire() : line.retire();
    case 'remove':
      return back ? line.unremove() : line.remove();
  }
}

const isIn =
  (...states: readonly IssuerState[]) =>
  ({ state }: Row): boolean =>
    states.includes(state);

interface Move {
  readonly from: IssuerState;
  readonly to: IssuerState;
  /** Whether a CA shows that the step was done before. */
  readonly done: (row: Row) => boolean;
  /** The message when there is no CA to move and the step was not done before: what has to be done first. */
  readonly first: string;
  /** The CA that is in the way, for the message; the named one when absent. */
  readonly blocker?: Row | undefined;
  readonly where?: (row: Row) => boolean;
}

/** The CAs that a target selects, and all other CAs. */
class Line {
  readonly #rows: readonly Row[];
  readonly #role: IssuerRole;
  readonly #candidates: readonly Row[];
  /** The CA that the target names by its id. */
  readonly #named: Row | undefined;

  constructor(rows: readonly Row[], { root = false, issuer }: RolloverTarget) {
    this.#rows = rows;
    const named = rows.find(({ id }) => id === issuer);
    if (issuer !== undefined && !named)
      throw new PkiError('issuer_unknown', `there is no CA ${JSON.stringify(issuer.slice(0, 64))}`);
    this.#named = named;
    this.#role = named?.role ?? (root ? 'root' : 'issuing');
    this.#candidates = named ? [named] : rows.filter((row) => row.role === this.#role && this.#isBelowActive(row));
  }

  withdraw(): RolloverPlan {
    const next = this.#candidates.findLast((row) => row.state === 'published' && this.#isNewer(row));
    return this.#move({
      from: 'prepared',
      to: 'removed',
      done: (row) => row.state === 'removed' && (this.#named === row || (!next && this.#isNewer(row))),
      first: next ? 'take that back first' : 'there is nothing prepared',
      blocker: next,
    });
  }

  publish(): RolloverPlan {
    const plan = this.#move({
      from: 'prepared',
      to: 'published',
      done: (row) => (this.#named ? isIn('published', 'active')(row) : row.state === 'published' && this.#isNewer(row)),
      first: 'there is nothing prepared: prepare the next CA first',
    });
    const row = this.#rows.find(({ id }) => id === plan.subject);
    const parent = this.#rows.find(({ id }) => id === row?.parent);
    if (plan.changes.length > 0 && this.#role === 'issuing' && parent?.state === 'prepared')
      throw premature(`${parent.id}, which signed ${plan.subject}, is not published: publish both with --root`);
    // The issuing CA below a root is made last, after the cross-certificates.
    if (plan.changes.length === 1 && this.#role === 'root')
      throw premature(`there is no issuing CA below ${plan.subject}: prepare it again, with --root`);
    return plan;
  }

  unpublish(): RolloverPlan {
    const plan = this.#move({
      from: 'published',
      to: 'prepared',
      done: isIn('prepared'),
      first: 'there is nothing published that was not active before',
      where: (row) => this.#isNewer(row),
    });
    return { ...plan, emptied: this.#usersOf(plan) };
  }

  activate(back: boolean): RolloverPlan {
    const next = this.#only(
      this.#candidates.filter(
        (row) => row.state === 'published' && (this.#named === row || this.#isNewer(row) !== back),
      ),
    );
    if (!next) return this.#activatedBefore(back);
    if (!this.#isBelowActive(next))
      throw premature(`${next.id} is below ${next.parent}, which is not the active root: activate both with --root`);
    const changes = [...changeOf(this.#active(this.#role), 'published'), ...changeOf(next, 'active')];
    if (this.#role === 'root') {
      const child = this.#childrenOf(next.id).findLast(isIn('published'));
      if (!child) throw premature(`there is no published issuing CA below ${next.id}`);
      changes.push(...changeOf(this.#active('issuing'), 'published'), ...changeOf(child, 'active'));
    }
    return { subject: next.id, changes, emptied: [] };
  }

  #activatedBefore(back: boolean): RolloverPlan {
    const active = this.#active(this.#role);
    const waits = this.#candidates.find(isIn('prepared'));
    if (waits && !back) throw premature(`${waits.id} is prepared only: publish it first`);
    const isDone = this.#named
      ? this.#named === active
      : this.#candidates.some((row) => isIn('published', 'retired')(row) && this.#isNewer(row) === back);
    if (isDone && active) return { subject: active.id, changes: [], emptied: [] };
    throw premature(
      back ? 'there is nothing published to go back to' : 'there is nothing published: prepare and publish first',
    );
  }

  retire(): RolloverPlan {
    if (this.#named?.state === 'active') throw premature(`${this.#named.id} is the active one: activate another first`);
    return this.#move({
      from: 'published',
      to: 'retired',
      done: (row) => isIn('retired', 'removed')(row) && this.#isPast(row) && !this.#isUnderWay(),
      first: 'there is nothing to retire: activate another CA first',
      where: (row) => !this.#isNewer(row),
    });
  }

  unretire(): RolloverPlan {
    return this.#move({
      from: 'retired',
      to: 'published',
      done: (row) => row.state === 'published' && !this.#isNewer(row),
      first: 'there is nothing retired',
    });
  }

  remove(): RolloverPlan {
    const early = this.#candidates.find((row) => isIn('published', 'active')(row) && !this.#isNewer(row));
    const plan = this.#move({
      from: 'retired',
      to: 'removed',
      done: (row) =>
        row.state === 'removed' && this.#isPast(row) && early?.state !== 'published' && !this.#isUnderWay(),
      first: early ? 'activate another CA, and retire this one, first' : 'there is nothing retired to remove',
      blocker: early,
    });
    const below = this.#childrenOf(plan.subject).find((row) => !isIn('retired', 'removed')(row));
    if (plan.changes.length > 0 && below)
      throw premature(`${below.id}, below ${plan.subject}, is ${below.state}: retire it first`);
    return { ...plan, emptied: this.#usersOf(plan) };
  }

  unremove(): RolloverPlan {
    return this.#move({
      from: 'removed',
      to: 'retired',
      done: isIn('retired'),
      first: 'there is nothing removed that is not revoked',
      where: (row) => this.#named === row || (this.#isPast(row) && !this.#isGone(row)),
    });
  }

  /**
   * Moves one CA to another state, and with a root the issuing CAs below it that are in the same state. A revoked issuing CA does not return with its
   * root.
   */
  #move({ from, to, done, first, blocker = this.#named, where = () => true }: Move): RolloverPlan {
    const subject = this.#only(this.#candidates.filter((row) => row.state === from && where(row)));
    if (subject) {
      const below = this.#childrenOf(subject.id).filter(
        (row) => row.state === from && !(from === 'removed' && row.revoked),
      );
      return { subject: subject.id, changes: [subject, ...below].flatMap((row) => changeOf(row, to)), emptied: [] };
    }
    const before = this.#candidates.findLast(done);
    if (before) return { subject: before.id, changes: [], emptied: [] };
    throw premature(blocker ? `${blocker.id} is ${blocker.state}: ${first}` : first);
  }

  /** The only one of the CAs that fit, so that a step that is taken twice is not taken for another CA. Throws PkiError `rollover_premature` for several. */
  #only(fitting: readonly Row[]): Row | undefined {
    if (fitting.length > 1)
      throw premature(`${fitting.map(({ id }) => id).join(' and ')} fit: name the one that is meant with --issuer`);
    return fitting[0];
  }

  #active(role: IssuerRole): Row | undefined {
    return this.#rows.find((row) => row.role === role && row.state === 'active');
  }

  /** Whether a CA was created after the active CA of its role. */
  #isNewer(row: Row): boolean {
    return this.#rows.indexOf(row) > this.#rows.findIndex(({ role, state }) => role === row.role && state === 'active');
  }

  /**
   * Whether a CA was active before, or is named by the target. A CA that was withdrawn before it became active is `removed` as well, and does not
   * count unless it is named.
   */
  #isPast(row: Row): boolean {
    return this.#named === row || !this.#isNewer(row);
  }

  /**
   * Whether a removed CA must not return, because it was withdrawn or compromised. A root's own certificate is never revoked, so for a root the CAs
   * below it decide.
   */
  #isGone({ id, role, revoked }: Row): boolean {
    return revoked || (role === 'root' && this.#childrenOf(id).every((row) => row.revoked));
  }

  /**
   * Whether a newer CA is prepared or published. A step is then meant for the rollover to that CA, and does not repeat the step of the previous
   * rollover.
   */
  #isUnderWay(): boolean {
    return this.#candidates.some((row) => isIn('prepared', 'published')(row) && this.#isNewer(row));
  }

  #isBelowActive(row: Row): boolean {
    return row.role === 'root' || row.parent === this.#active('root')?.id;
  }

  #childrenOf(root: string): readonly Row[] {
    return this.#rows.filter(({ id, parent }) => parent === root && id !== root);
  }

  /** The ids of the CAs whose certificates would lose their trust by a plan. */
  #usersOf({ subject, changes }: RolloverPlan): readonly string[] {
    return changes.length === 0 ? [] : [subject, ...this.#childrenOf(subject).map(({ id }) => id)];
  }
}

const changeOf = (row: Row | undefined, to: IssuerState): StateChange[] =>
  row ? [{ id: row.id, from: row.state, to }] : [];

const premature = (why: string): PkiError => new PkiError('rollover_premature', why);
