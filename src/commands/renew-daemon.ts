import { renewFiles, type RenewalEvent } from '../tls/index.js';
import { messageOf } from './command-error.js';
import { checkOutputFile, readInputFile } from './files.js';
import { plain, type Output } from './output.js';
import { commandErrorOf, openPair, type RenewOptions } from './renew.js';
import { RenewalMetrics } from './renewal-metrics.js';
import { configurationOf, type Session } from './session.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** The flags of `veritas renew --daemon`. */
export interface RenewDaemonOptions extends Pick<RenewOptions, 'cert' | 'key' | 'url' | 'ca'> {
  /** The share of the lifetime after which the certificate is renewed at the latest. */
  readonly at?: number;
  /** The file that metrics are written to, if any. */
  readonly metrics?: string;
}

/**
 * `veritas renew --daemon`: renews for as long as it runs, until SIGTERM or SIGINT; on SIGHUP it looks at once. Throws only when it cannot begin:
 * what fails later is reported and tried again.
 */
export async function renewDaemon(session: Session, options: RenewDaemonOptions): Promise<void> {
  const { cert, key, url, at, metrics: metricsFile } = options;
  const configuration = configurationOf(session);
  const { tls } = configuration;
  const caFile = options.ca ?? tls.caFile;
  checkOutputFile(metricsFile, configuration, [cert, key, caFile]);
  let metrics: RenewalMetrics | undefined;
  try {
    const pair = openPair(options);
    pair.wipe();
    await readInputFile(caFile, session);
    if (metricsFile !== undefined) metrics = new RenewalMetrics(metricsFile, cert, pair.certificate);
  } catch (error) {
    throw commandErrorOf(error);
  }
  const last: { kind?: RenewalEvent['kind'] } = {};
  const agent = renewFiles({
    certificateFile: cert,
    keyFile: key,
    caFile,
    url,
    settings: tls,
    clock: session.now,
    report: (event) => {
      last.kind = event.kind;
      say(session.output, event);
      try {
        metrics?.note(event);
      } catch (error) {
        // The certificate is what counts: it is renewed without metrics, too.
        session.output.progress(messageOf(error));
      }
    },
    ...(at === undefined ? {} : { at }),
  });
  const ended = endSignal();
  const look = (): void => void agent.start();
  process.on('SIGHUP', look);
  await agent.start();
  // A failed attempt has already reported when it is tried again.
  if (agent.renewalTime && last.kind !== 'failed')
    session.output.progress(`The next renewal is due at ${agent.renewalTime.toISOString()}.`);
  await ended.signal;
  await agent.stop();
  process.off('SIGHUP', look);
  ended.release();
}

/** Keeps the process alive until `signal` settles at SIGTERM or SIGINT, and those signals from ending it until `release` is called. */
function endSignal(): { readonly signal: Promise<unknown>; readonly release: () => void } {
  const { promise: signal, resolve } = Promise.withResolvers<undefined>();
  // Neither the agent nor a signal handler keeps a process alive.
  const awake = setInterval(() => undefined, 2 ** 30);
  const end = (): void => {
    clearInterval(awake);
    resolve(undefined);
  };
  // Whoever signals the whole process group reaches us twice: directly and through the launcher. The second signal must not cut short what the first
  // one lets finish.
  for (const each of SIGNALS) process.on(each, end);
  return {
    signal,
    release: () => {
      for (const each of SIGNALS) process.off(each, end);
    },
  };
}

/** With `--json` a line of JSON on stdout for each event; otherwise a sentence, on stderr when something went wrong. */
function say(output: Output, event: RenewalEvent): void {
  if (event.kind === 'renewed') {
    const { certificate, previous } = event;
    const until = certificate.notAfter.toISOString();
    const json = {
      event: 'renewed',
      serial_number: certificate.serialNumber,
      previous_serial_number: previous.serialNumber,
      not_after: until,
    };
    output.line(json, `Renewed: ${certificate.serialNumber} is valid until ${until}`);
    return;
  }
  if (event.kind === 'found') {
    const { serialNumber = '', notAfter } = event.certificate ?? {};
    const until = notAfter?.toISOString() ?? '';
    const json = { event: 'found', serial_number: serialNumber, not_after: until };
    output.line(json, `Found: ${serialNumber} is valid until ${until}`);
    return;
  }
  const { level, why, attempt, retryAt, notAfter } = event;
  const json = {
    event: 'renewal_failed',
    level,
    reason: why,
    attempt,
    retry_at: retryAt.toISOString(),
    not_after: notAfter?.toISOString() ?? null,
  };
  const until = notAfter ? `; the certificate is valid until ${notAfter.toISOString()}` : '';
  const text = `${level}: not renewed (attempt ${attempt}): ${plain(why)}; trying again at ${retryAt.toISOString()}${until}`;
  if (output.isJson) output.line(json, text);
  else output.progress(text);
}
