import type { IssuerStanding, RolloverStep } from '../pki/index.js';
import { describeTable } from './output.js';
import { requester, withAuthority, type Session } from './session.js';

/** `--issuer` or `--root` say which CA the step is about; `--back` takes the step back. */
export interface RolloverOptions {
  readonly issuer?: string;
  readonly root?: boolean;
  readonly back?: boolean;
}

/**
 * `veritas ca rollover prepare | publish | activate | retire | remove`: takes one step, or takes it back. A step that was taken before changes
 * nothing.
 */
export async function caRollover(
  session: Session,
  step: RolloverStep,
  { issuer, root, back = false }: RolloverOptions,
): Promise<void> {
  await withAuthority(session, {}, async ({ rollover, ocsp }) => {
    const { subject, changes, already } = await rollover.take({ step, issuer, root, back, requester: requester() });
    const standings = await rollover.status();
    // The service may not be able to make the key of a responder for a CA that is there from now on. Where this fails, the first question tries again.
    if (!back) await ocsp?.open();
    if (already) session.output.progress('That was done before; nothing was changed.');
    session.output.result(
      { step, back, subject, already, changes, issuers: standings.map(standingToJson) },
      describeStandings(standings),
    );
  });
}

/** `veritas ca rollover status`: the stage of each CA, and whether it can be removed. */
export async function caRolloverStatus(session: Session): Promise<void> {
  await withAuthority(session, {}, async ({ rollover }) => {
    const standings = await rollover.status();
    session.output.result({ issuers: standings.map(standingToJson) }, describeStandings(standings));
  });
}

function standingToJson(standing: IssuerStanding) {
  const { id, role, state, parent, subject, notAfter, revoked, usage, services, safeToRemove, why, lastSeen } =
    standing;
  const isoOf = (time: number | undefined): string | null => (time === undefined ? null : new Date(time).toISOString());
  return {
    id,
    role,
    state,
    parent,
    subject,
    not_after: notAfter.toISOString(),
    revoked,
    valid_certificates: usage.valid,
    last_not_after: isoOf(usage.lastNotAfter),
    services: services.map(({ service, lastNotAfter }) => ({
      service,
      last_not_after: isoOf(lastNotAfter),
    })),
    last_seen: lastSeen?.toISOString() ?? null,
    safe_to_remove: safeToRemove,
    why,
  };
}

const describeStandings = (standings: readonly IssuerStanding[]): string =>
  describeTable(
    ['CA', 'state', 'below', 'valid', 'last seen', 'safe to remove'],
    standings.map(({ id, state, parent, usage, lastSeen, safeToRemove, revoked, why }) => [
      id,
      revoked ? `${state}, revoked` : state,
      parent === id ? '' : parent,
      String(usage.valid),
      lastSeen?.toISOString() ?? 'never',
      `${safeToRemove ? 'yes' : 'no'}: ${why}`,
    ]),
  );
