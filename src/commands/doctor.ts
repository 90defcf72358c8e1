import { createReadStream } from 'node:fs';
import { CommandError, systemReasonOf } from './command-error.js';
import { diagnose, type Endpoint } from './doctor-connection.js';
import { describeRefusal, refusalsIn } from './doctor-log.js';
import { ExitCode } from './exit-code.js';
import { fileName } from './files.js';
import type { Session } from './session.js';
import { describeCheck } from './verify-checks.js';

/** The flags of `veritas doctor`. */
export interface DoctorOptions {
  readonly cert?: string | undefined;
  readonly key?: string;
  readonly connect?: Endpoint;
  readonly ca?: string;
  readonly path: string;
  readonly request?: string;
  readonly log: string;
}

/**
 * `veritas doctor`. With `--connect`: where a client, with or without a certificate, gets stuck on its way into a service. With `--request`: why a
 * request was refused, from the log.
 */
export async function doctor(session: Session, options: DoctorOptions): Promise<void> {
  const { cert: certificate, key, connect, request } = options;
  if (request !== undefined && connect === undefined && certificate === undefined)
    await explainRequest(session, request, options.log);
  else if (request === undefined && connect !== undefined && (certificate !== undefined || key === undefined))
    await explainConnection(session, { ...options, certificate, connect });
  else
    throw new CommandError(
      'say what to look at',
      ExitCode.usage,
      'either --connect host:port with --cert FILE, or without where none is presented, or --request ID --log FILE',
    );
}

async function explainConnection(
  session: Session,
  options: DoctorOptions & { readonly certificate: string | undefined; readonly connect: Endpoint },
): Promise<void> {
  const checks = await diagnose(session, options);
  const failed = checks.find(({ ok }) => !ok);
  session.output.result(
    { ok: failed === undefined, failed: failed?.check ?? null, checks },
    checks.map(describeCheck).join('\n'),
  );
  if (failed) throw new CommandError(`it fails at: ${failed.check}`, ExitCode.refused);
}

async function explainRequest(session: Session, id: string, log: string): Promise<void> {
  const lines = log === '-' ? session.input() : createReadStream(log);
  let refusals;
  try {
    refusals = await refusalsIn(lines, id);
  } catch (error) {
    throw new CommandError(
      `${fileName(log)} cannot be read (${systemReasonOf(error)})`,
      ExitCode.unusable,
      'name the file that the log of the service goes to, or pipe it: --log -',
    );
  }
  if (refusals.length === 0)
    throw new CommandError(
      `no refusal of a request ${JSON.stringify(id.slice(0, 80))} is in the log`,
      ExitCode.refused,
      'look into the log of every node, at log.level warn or below; a request that was let in is not logged there, refusals over a rate, or of a transport that is not guarded, at most once a second, and of a flood only a part, with the number of the others in refusals_not_logged',
    );
  session.output.result({ request_id: id, refusals }, refusals.map(describeRefusal).join('\n\n'));
}
