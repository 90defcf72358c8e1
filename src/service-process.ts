import { existsSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { dirname, join } from 'node:path';
import { ConfigurationError, loadConfiguration, shellWord, type Configuration } from './configuration/index.js';
import { BundleError } from './mtls/index.js';
import { PkiError } from './pki/index.js';
import { startService, type RunningService } from './service.js';
import { CrlIssuerError } from './revocation/index.js';
import { StoreError } from './store/index.js';
import { TlsSetupError } from './tls/index.js';

/**
 * Runs the service as a process: says where it listens, stops on SIGTERM and SIGINT, and exits with status 1 and one sentence when it cannot start.
 */
export async function run(): Promise<void> {
  let service: RunningService;
  let configuration: Configuration | undefined;
  try {
    configuration = loadConfiguration();
    service = await startService(configuration);
  } catch (error) {
    process.stderr.write(`veritas: ${sentenceOf(error, configuration)}\n`);
    process.exitCode = 1;
    return;
  }
  process.stderr.write(welcome(service));
  let stopping: Promise<void> | undefined;
  // Whoever signals the whole process group, as Ctrl-C does, reaches us twice: directly and through npm. The second signal must not cut short what
  // the first one lets finish.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void (stopping ??= stop(service)));
}

async function stop(service: RunningService): Promise<void> {
  const { drainTimeout } = service.configuration.http;
  // What is still open by then is cut: an idle keep-alive connection would keep the process alive for ever.
  setTimeout(() => process.exit(0), drainTimeout).unref();
  await service.close();
}

/**
 * What is printed at the start: where the service listens, and calls to try it with. Those with the development client's certificate are shown only
 * where that is there, and the one without only where a handshake needs none.
 */
export function welcome({ configuration, ports }: Pick<RunningService, 'configuration' | 'ports'>): string {
  const { http, repository, tls } = configuration;
  const base = `https://${hostOf(http.host)}:${ports.https}`;
  const beside =
    ports.repository === undefined
      ? ''
      : ` and, for CRLs and probes, on http://${hostOf(repository.host)}:${ports.repository}`;
  const curl = `curl --cacert ${shellWord(tls.caFile)}`;
  const directory = dirname(tls.certificateFile);
  const [certificate, key] = [join(directory, 'client_cert.pem'), join(directory, 'client_key.pem')];
  const client = existsSync(key) ? [`${curl} --cert ${shellWord(certificate)} --key ${shellWord(key)}`] : [];
  const anybody = tls.clientAuth === 'required' ? client : [curl];
  const calls = [
    ...anybody.map((call) => `${call} ${base}/health`),
    ...client.flatMap((call) => [`${call} ${base}/api/v1/test`, `${call} ${base}/api/v1/whoami`]),
  ];
  const advice = calls.length === 0 ? '' : ` Try:\n\n${calls.map((call) => `  ${call}\n`).join('')}`;
  return `\nVeritas listens on ${base}${beside}.${advice}\n`;
}

const HERE: ReadonlySet<string> = new Set(['0.0.0.0', '::', '127.0.0.1', '::1']);

/** The host of a URL on this machine; the development certificate is for `localhost`. */
const hostOf = (host: string): string => (HERE.has(host) ? 'localhost' : isIPv6(host) ? `[${host}]` : host);

/** One sentence for whoever started the service; a stack trace only for an error that nobody foresaw. */
export function sentenceOf(error: unknown, configuration?: Configuration): string {
  if (error instanceof ConfigurationError || error instanceof TlsSetupError) return error.message;
  if (error instanceof StoreError) {
    const setting = configuration?.store.url === undefined ? 'store.path' : 'store.urlFile';
    return `${error.message}${error.message.includes(setting) ? '' : ` (${setting} names it)`}.`;
  }
  if (error instanceof CrlIssuerError) return `mtls.crls: ${error.message}.`;
  if (error instanceof BundleError) return `mtls.trustDomains: ${error.message}.`;
  if (error instanceof PkiError) return `${error.message}: ${error.mend}.`;
  const failed = error as NodeJS.ErrnoException & { address?: string; port?: number; hostname?: string };
  const { code, syscall, address, port, hostname } = failed;
  const settings = settingsOf(port, configuration);
  if (code === 'EADDRINUSE')
    return `port ${port} on ${address} is in use: stop what listens there, or set ${settings} to another.`;
  if (code === 'EACCES' && port !== undefined)
    return `this user may not open port ${port} on ${address}: set ${settings} above 1023.`;
  if (syscall === 'listen' || syscall === 'getaddrinfo')
    return `${address ?? hostname} is not an address of this machine (${code}): set http.host, repository.host or microservice.host to one that is.`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The settings that asked for `port`; all settings that name a port when none asked for that one. */
function settingsOf(port: number | undefined, configuration: Configuration | undefined): string {
  const listeners = ['http', 'repository', 'microservice'] as const;
  const asked = listeners.filter((each) => configuration?.[each].port === port);
  return (asked.length > 0 ? asked : listeners).map((each) => `${each}.port`).join(' or ');
}
