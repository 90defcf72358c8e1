import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { Server } from 'node:tls';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { OpenApiService } from './api/index.js';
import { AppModule } from './app.module.js';
import { logBackgroundFailures } from './bindings/background-log.js';
import { ocspStapling } from './bindings/ocsp-stapling.js';
import { reservedNamesOf } from './bindings/reserved-names.js';
import { serverRenewal } from './bindings/server-renewal.js';
import {
  ConfigurationError,
  configuredServices,
  loadConfiguration,
  policyOf,
  ROLES,
  type Configuration,
} from './configuration/index.js';
import { EventBus } from './events/index.js';
import { limitConnections } from './listener/connection-limits.js';
import { logFailedHandshakes } from './listener/handshake-log.js';
import { createHttpAdapter } from './listener/http-adapter.js';
import { messageListener, together } from './listener/message-listener.js';
import { keepTickShape } from './listener/tick-shape.js';
import { createLogger } from './logging.js';
import { readTrustAnchors, type CurrentTrust, type IdentifiedRequest, type TrustAnchors } from './mtls/index.js';
import { createDevelopmentMaterial, openCertificationAuthority, PkiError } from './pki/index.js';
import { openRegistry } from './registry/index.js';
import { RepositoryListener } from './repository/index.js';
import { openStore, StoreError } from './store/index.js';
import {
  checkTlsSettings,
  isSameTrust,
  readTlsMaterial,
  serverOptions,
  TlsReloader,
  TlsSetupError,
  type TlsMaterial,
} from './tls/index.js';
import type { Certificate } from './x509/index.js';

/** A service that is listening. */
export interface RunningService {
  readonly application: NestFastifyApplication;
  readonly configuration: Configuration;
  /** The ports in use; those of listeners that are switched off are undefined. */
  readonly ports: {
    readonly https: number;
    readonly repository: number | undefined;
    readonly microservice: number | undefined;
  };
  /** Stops taking requests, lets open ones finish, closes the store. */
  readonly close: () => Promise<void>;
}

/**
 * Starts the whole service: store, certification authority (made on the first start, with development material), HTTPS and repository listeners.
 * Throws the typed error of whatever stands in the way.
 */
export async function startService(configuration: Configuration): Promise<RunningService> {
  const { http, tls, pki, store: storeSettings } = configuration;
  await keepTickShape();
  const logger = createLogger(configuration.log);
  checkTlsSettings(tls);
  const store = await openStore(storeSettings);
  let application: NestFastifyApplication | undefined;
  try {
    const events = new EventBus();
    const configured = configuredServices(configuration);
    const registry = await openRegistry({ store, events, configured, roles: ROLES });
    let serverCertificate: () => Certificate | undefined = () => undefined;
    const pkiSettings = {
      ...pki,
      crlDirectory: join(dirname(storeSettings.path), 'crl'),
      policy: policyOf(configuration),
      reservedNames: reservedNamesOf(configuration.mtls, registry.services, () => serverCertificate()),
    };
    const authority = await openCertificationAuthority({
      settings: pkiSettings,
      store,
      events,
      create: pki.autoSetup,
      unreadLimit: storeSettings.unreadLimit,
    });
    logBackgroundFailures(events, logger);
    if (pki.autoSetup) await createDevelopmentMaterial(authority);
    const { organization } = authority.settings;
    if (organization !== configuration.mtls.issuerOrganization)
      logger.warn(
        {
          event: 'organizations_differ',
          reason: `certificates of this CA carry the organization ${organization}, and mtls.issuerOrganization asks for ${configuration.mtls.issuerOrganization}: they are refused`,
        },
        'Mtls',
      );
    const files = {
      ...tls,
      keyPassphrase: tls.keyPassphrase,
      intermediatesFile: configuration.mtls.intermediatesFile,
    };
    const material = await readTlsMaterial(files, new Date());
    // Of the CAs of other trust domains the listener knows nothing: it leaves the choice to the client, and the verdict to the guard.
    const listening = { ...tls, namesCas: configuration.mtls.trustDomains.length === 0 };
    const adapter = createHttpAdapter(http, serverOptions(listening, material));
    const listener = adapter.getInstance().server as unknown as Server;
    const messages = messageListener(
      configuration.microservice,
      { settings: listening, material, handshakeTimeout: http.handshakeTimeout },
      listener,
    );
    const listeners: [Server, ...Server[]] = messages ? [listener, messages.unwrap<Server>()] : [listener];
    const stapler = ocspStapling(authority, () => reloader.material.certificate, logger);
    for (const one of listeners) {
      limitConnections(one, http, logger);
      logFailedHandshakes(one, logger);
      stapler?.attach(one);
    }
    const reloader = new TlsReloader(together(listeners), listening, files, material, {
      interval: tls.reloadInterval,
      check: (fresh) => {
        trustIn(fresh, configuration);
      },
      clock: () => new Date(),
      report: (event) => {
        if (event.kind === 'failed') logger.error({ event: 'tls_reload_failed', reason: event.why }, 'Tls');
        else
          logger.log(
            { event: 'tls_reloaded', changed: event.kind, fingerprint256: event.material.certificate.fingerprint256 },
            'Tls',
          );
        if (event.kind !== 'failed') void stapler?.refresh();
      },
    });
    const presented = () => reloader.material.certificate;
    serverCertificate = presented;
    const runtime = {
      configuration,
      version: packageVersion(),
      store,
      authority,
      registry,
      trust: trustOf(() => reloader.material, configuration),
      serverCertificate: presented,
    };
    application = await NestFactory.create<NestFastifyApplication>(AppModule.forRoot(runtime), adapter, {
      logger,
      abortOnError: false,
      // Fastify reads JSON by itself; forms, which a page of any site can send, are not read at all.
      bodyParser: false,
    });
    application.get(OpenApiService).describe(application);
    if (configuration.log.accessLog) logAccess(adapter.getInstance<FastifyInstance>(), logger);
    // Without the application's filters and pipes, which answer HTTP; the guard is in the listener itself.
    if (messages) application.connectMicroservice({ strategy: messages });
    await application.listen(http.port, http.host);
    await application.startAllMicroservices();
    // A wrong passphrase ends the start. Deriving the right one, slow by design, takes no core from the start, and holds up no request that needs no key.
    await authority.ca.openKeys();
    reloader.start();
    const renewal = tls.renewal === 'auto' ? serverRenewal(authority, files, reloader, logger) : undefined;
    void renewal?.start();
    void stapler?.refresh();
    const { port } = listener.address() as AddressInfo;
    const started = application;
    return {
      application: started,
      configuration,
      ports: {
        https: port,
        repository: started.get(RepositoryListener, { strict: false }).port,
        microservice: messages && (messages.unwrap<Server>().address() as AddressInfo).port,
      },
      close: async () => {
        reloader.stop();
        await renewal?.stop();
        await stapler?.stop();
        await started.close();
        await store.close();
      },
    };
  } catch (error) {
    await application?.close();
    await store.close();
    throw error;
  }
}

/** Runs the service as a process: says where it listens, stops on SIGTERM and SIGINT, ends with status 1 and one sentence when it cannot start. */
export async function run(): Promise<void> {
  let service: RunningService;
  try {
    service = await startService(loadConfiguration());
  } catch (error) {
    process.stderr.write(`veritas: ${sentenceOf(error)}\n`);
    process.exitCode = 1;
    return;
  }
  process.stderr.write(welcome(service));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(service));
}

async function stop(service: RunningService): Promise<void> {
  const { drainTimeout } = service.configuration.http;
  // What is still open then is cut: an idle keep-alive connection would hold the process for ever.
  const cut = setTimeout(() => process.exit(0), drainTimeout).unref();
  await service.close();
  clearTimeout(cut);
}

/** A line for each answered request, refused ones too, which have a line of their own besides. */
function logAccess(server: FastifyInstance, logger: LoggerService): void {
  server.addHook('onResponse', (request: FastifyRequest & IdentifiedRequest, reply, done) => {
    logger.log(
      {
        event: 'answered',
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime * 1000) / 1000,
        service: request.clientIdentity?.service,
        proxy: request.forwardedBy,
      },
      'Access',
    );
    done();
  });
}

/** The trust in force: another one only when the reloader has taken up other CA files. */
function trustOf(material: () => TlsMaterial, configuration: Configuration): CurrentTrust {
  let before = material();
  let trust = trustIn(before, configuration);
  return () => {
    const current = material();
    if (current !== before) {
      if (!isSameTrust(current, before)) trust = trustIn(current, configuration);
      before = current;
    }
    return trust;
  };
}

function trustIn(
  { caPem, intermediates }: Pick<TlsMaterial, 'caPem' | 'intermediates'>,
  { tls: { caFile }, mtls }: Configuration,
): TrustAnchors {
  try {
    return readTrustAnchors(caPem ?? '', intermediates);
  } catch (error) {
    const files = [
      `tls.caFile: ${caFile}`,
      ...(mtls.intermediatesFile ? [`mtls.intermediatesFile: ${mtls.intermediatesFile}`] : []),
    ];
    throw new TlsSetupError(`${files.join(', or ')} cannot be used as trust anchors: ${(error as Error).message}.`);
  }
}

function welcome({ configuration, ports }: RunningService): string {
  const base = `https://localhost:${ports.https}`;
  const directory = dirname(configuration.tls.certificateFile);
  const ca = `--cacert ${configuration.tls.caFile}`;
  const client = `--cert ${join(directory, 'client_cert.pem')} --key ${join(directory, 'client_key.pem')}`;
  const lines = [
    '',
    `Veritas listens on ${base}${ports.repository === undefined ? '' : ` and, for CRLs and probes, on http://localhost:${ports.repository}`}. Try:`,
    '',
    `  curl ${ca} ${base}/health`,
    `  curl ${ca} ${client} ${base}/api/v1/test`,
    `  curl ${ca} ${client} ${base}/api/v1/whoami`,
    '',
    '',
  ];
  return lines.join('\n');
}

/** One clear sentence for whoever started it; a stack only for what nobody foresaw. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ConfigurationError || error instanceof TlsSetupError || error instanceof StoreError)
    return error.message;
  if (error instanceof PkiError) return `${error.message}: ${error.mend}.`;
  const failed = error as NodeJS.ErrnoException & { address?: string; port?: number; hostname?: string };
  const { code, syscall, address, port, hostname } = failed;
  if (code === 'EADDRINUSE')
    return `port ${port} on ${address} is in use: stop what listens there, or set http.port, repository.port or microservice.port to another.`;
  if (code === 'EACCES' && port !== undefined)
    return `port ${port} on ${address} may not be opened by this user: set http.port, repository.port or microservice.port above 1023.`;
  if (syscall === 'listen' || syscall === 'getaddrinfo')
    return `${address ?? hostname} is no address of this machine (${code}): set http.host, repository.host or microservice.host to one.`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
