import { existsSync, lstatSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { PairFiles, RenewalError, renewPair } from '../tls/index.js';
import { generalNameToString, nameToString, type Certificate } from '../x509/index.js';
import { CommandError } from './command-error.js';
import { ExitCode } from './exit-code.js';
import { readInputFile } from './files.js';
import { describePairs, plain } from './output.js';
import { configurationOf, type Session } from './session.js';

/** The flags of `veritas renew`. */
export interface RenewOptions {
  readonly cert: string;
  readonly key: string;
  readonly url: URL;
  readonly ca?: string;
  readonly newKey?: string;
  readonly force?: boolean;
  /** Seconds. */
  readonly before?: number;
}

/**
 * `veritas renew`: the same names for a new key, from the service that issued the certificate. Key and certificate are replaced only when both are
 * there and checked.
 */
export async function renew(session: Session, options: RenewOptions): Promise<void> {
  try {
    const pair = openPair(options);
    try {
      if (isDue(pair.certificate, session.now(), options)) await replace(session, pair, options);
      else reportEarly(session, pair.certificate);
    } finally {
      pair.wipe();
    }
  } catch (error) {
    throw commandErrorOf(error);
  }
}

/** The two files that the flags name. Throws CommandError and RenewalError. */
export function openPair({ cert, key, newKey }: Pick<RenewOptions, 'cert' | 'key' | 'newKey'>): PairFiles {
  if (realPath(cert) === realPath(key))
    throw new CommandError('--cert and --key name the same file', ExitCode.usage, 'give each a file of its own');
  return new PairFiles({ certificateFile: cert, keyFile: key, newKeyFile: newKey });
}

const realPath = (path: string): string => resolve(existsSync(path) ? realpathSync(path) : path);

/** An error in the form in which the command line reports it: without anything in a service's own words that moves a cursor. */
export function commandErrorOf(error: unknown): unknown {
  return error instanceof RenewalError
    ? new CommandError(plain(error.message), ExitCode[error.code], error.mend)
    : error;
}

/** Whether at most a third of the lifetime is left, or at most `--before`. */
function isDue({ notBefore, notAfter }: Certificate, now: Date, { force = false, before }: RenewOptions): boolean {
  const left = notAfter.getTime() - now.getTime();
  return force || left <= (before === undefined ? (notAfter.getTime() - notBefore.getTime()) / 3 : before * 1000);
}

function reportEarly({ output }: Session, { notAfter, serialNumber }: Certificate): void {
  const until = notAfter.toISOString();
  output.result(
    { renewed: false, serial_number: serialNumber, not_after: until },
    `Nothing to renew yet: ${serialNumber} is valid until ${until}; --force renews it now`,
  );
}

async function replace(session: Session, pair: PairFiles, options: RenewOptions): Promise<void> {
  const { tls } = configurationOf(session);
  const { ca = tls.caFile, url } = options;
  const caPem = (await readInputFile(ca, session)).toString('utf8');
  session.output.progress(`Asking ${url.origin} to renew ${pair.certificate.serialNumber}.`);
  const [leaf] = await renewPair(pair, { url, caPem, caName: ca, settings: tls, clock: session.now });
  report(session, leaf, pair.certificate, options);
}

function report({ output }: Session, leaf: Certificate, old: Certificate, { cert, key, newKey }: RenewOptions): void {
  const json = {
    renewed: true,
    serial_number: leaf.serialNumber,
    previous_serial_number: old.serialNumber,
    subject: nameToString(leaf.subject),
    names: (leaf.extensions.subjectAltName ?? []).map(generalNameToString),
    not_before: leaf.notBefore.toISOString(),
    not_after: leaf.notAfter.toISOString(),
    certificate_file: cert,
    key_file: newKey ?? key,
    // A link stays, and the key is replaced where it leads.
    previous_key_file: newKey === undefined ? `${lstatSync(key).isSymbolicLink() ? realpathSync(key) : key}.old` : key,
  };
  output.result(
    json,
    describePairs([
      ['Serial number', json.serial_number],
      ['Subject', json.subject],
      ...(json.names.length === 0 ? [] : [['Names', json.names.join(', ')] as const]),
      ['Valid until', json.not_after],
      ['Certificate', json.certificate_file],
      ['Private key', json.key_file],
      ['Old key', json.previous_key_file],
    ]),
  );
}
