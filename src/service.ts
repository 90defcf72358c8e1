import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { Server } from 'node:tls';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { OpenApiService } from './api/index.js';
import { AppModule, type Runtime } from './app.module.js';
import { logBackgroundFailures } from './bindings/background-log.js';
import { currentTrust } from './bindings/current-trust.js';
import { checkExemptPaths } from './bindings/described-routes.js';
import { organizationsDiffer } from './bindings/organizations.js';
import { reservedNamesOf } from './bindings/reserved-names.js';
import { serverRenewal } from './bindings/server-renewal.js';
import { configuredServices, policyOf, ROLES, type Configuration } from './configuration/index.js';
import { EventBus } from './events/index.js';
import { logAccess } from './listener/access-log.js';
import { createListeners, type Listeners } from './listener/listeners.js';
import { keepTickShape } from './listener/tick-shape.js';
import { createLogger } from './logging.js';
import { createDevelopmentMaterial, openCertificationAuthority } from './pki/index.js';
import { PACKAGE_VERSION } from './package-version.js';
import { openRegistry } from './registry/index.js';
import { RepositoryListener } from './repository/index.js';
import { checkSound, openStore, type Store } from './store/index.js';
import { checkTlsSettings } from './tls/index.js';
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
 * Starts the whole service: the store, the certification authority (created on the first start, together with development material), and the HTTPS
 * and repository listeners. Throws the typed error of whatever prevents that.
 */
export async function startService(configuration: Configuration): Promise<RunningService> {
  await keepTickShape();
  const logger = createLogger(configuration.log);
  checkTlsSettings(configuration.tls);
  checkExemptPaths(configuration);
  // Undoes what was opened, in reverse order, whether that was all of it or only a part.
  const closing = new AsyncDisposableStack();
  try {
    const store = await openStore(configuration.store);
    closing.defer(() => store.close());
    await checkSound(store.database, store.name);
    // The CA is opened first, and asks later what the listeners present.
    const opened: { listeners?: Listeners } = {};
    const serverCertificate = () => opened.listeners?.reloader.material.certificate;
    const { authority, registry } = await openAuthority({ configuration, store, logger, serverCertificate });
    const listeners = (opened.listeners = await createListeners(configuration, authority, logger));
    const application = await createApplication({ configuration, store, authority, registry }, listeners, logger);
    closing.defer(() => application.close());
    await application.listen(configuration.http.port, configuration.http.host);
    await application.startAllMicroservices();
    // A wrong passphrase ends the start here. Deriving the key, which is slow by design, comes after listening, so that it delays neither the start
    // nor the requests that need no key.
    await authority.ca.openKeys();
    keepFresh({ configuration, authority, listeners, logger, closing });
    return { application, configuration, ports: portsOf(application, listeners), close: () => closing.disposeAsync() };
  } catch (error) {
    // The error that stopped the start is the one to report, not one of the clean-up.
    await closing.disposeAsync().catch(() => undefined);
    throw error;
  }
}

/**
 * Opens the registry of services, and the CA, which is created where the settings allow that. `serverCertificate` gives what the listener presents,
 * once there is one.
 */
async function openAuthority(parts: {
  readonly configuration: Configuration;
  readonly store: Store;
  readonly logger: LoggerService;
  readonly serverCertificate: () => Certificate | undefined;
}): Promise<Pick<Runtime, 'authority' | 'registry'>> {
  const { configuration, store, logger, serverCertificate } = parts;
  const { pki, mtls } = configuration;
  const events = new EventBus();
  const configured = configuredServices(configuration);
  const registry = await openRegistry({ store, events, configured, roles: ROLES });
  const authority = await openCertificationAuthority({
    settings: {
      ...pki,
      crlDirectory: join(dirname(configuration.store.path), 'crl'),
      policy: policyOf(configuration),
      reservedNames: reservedNamesOf(mtls, registry.services, serverCertificate),
    },
    store,
    events,
    create: pki.autoSetup,
    unreadLimit: configuration.store.unreadLimit,
  });
  logBackgroundFailures(events, logger);
  if (pki.autoSetup) await createDevelopmentMaterial(authority);
  const reason = organizationsDiffer(authority.ca, mtls.issuerOrganization);
  if (reason !== undefined) logger.warn({ event: 'organizations_differ', reason }, 'Mtls');
  return { authority, registry };
}

async function createApplication(
  rooms: Pick<Runtime, 'configuration' | 'store' | 'authority' | 'registry'>,
  { adapter, messages, reloader }: Listeners,
  logger: LoggerService,
): Promise<NestFastifyApplication> {
  const module = AppModule.forRoot({
    ...rooms,
    version: PACKAGE_VERSION,
    trust: currentTrust(() => reloader.material, rooms.configuration),
    serverCertificate: () => reloader.material.certificate,
  });
  const application = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger,
    abortOnError: false,
    // Fastify itself reads JSON. Forms, which a page of any site can send, are not read at all.
    bodyParser: false,
  });
  application.get(OpenApiService).describe(application);
  if (rooms.configuration.log.accessLog) logAccess(adapter.getInstance<FastifyInstance>(), logger);
  // Without the application's filters and pipes, which answer HTTP. The guard is in the listener itself.
  if (messages) application.connectMicroservice({ strategy: messages });
  return application;
}

/** Keeps what the listeners present up to date: new files, a certificate renewed in time, a fresh OCSP response. */
function keepFresh(parts: {
  readonly configuration: Configuration;
  readonly authority: Runtime['authority'];
  readonly listeners: Listeners;
  readonly logger: LoggerService;
  readonly closing: AsyncDisposableStack;
}): void {
  const { authority, logger, closing } = parts;
  const { files, reloader, stapler } = parts.listeners;
  closing.defer(async () => stapler?.stop());
  void stapler?.refresh();
  if (parts.configuration.tls.renewal === 'auto') {
    const renewal = serverRenewal(authority, files, reloader, logger);
    closing.defer(() => renewal.stop());
    void renewal.start();
  }
  reloader.start();
  closing.defer(() => {
    reloader.stop();
  });
}

function portsOf(application: NestFastifyApplication, { https, messages }: Listeners): RunningService['ports'] {
  return {
    https: (https.address() as AddressInfo).port,
    repository: application.get(RepositoryListener, { strict: false }).port,
    microservice: messages && (messages.unwrap<Server>().address() as AddressInfo).port,
  };
}
