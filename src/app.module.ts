import { Module, type DynamicModule } from '@nestjs/common';
import { ApiModule } from './api/index.js';
import { authorityReadings } from './bindings/authority-readings.js';
import { foreignCrlsPart, trustBundlesPart } from './bindings/foreign-health.js';
import { registryRevocation } from './bindings/registry-revocation.js';
import { registryDenial, registryRates, registryRoles, registryServices } from './bindings/registry-services.js';
import { crlPart, issuingCaPart, ocspPart, serverCertificatePart } from './bindings/revocation-health.js';
import { storePart } from './bindings/store-health.js';
import { ratesOf, sharedRates } from './bindings/service-rates.js';
import { crlSources, federatedDomains, type Configuration } from './configuration/index.js';
import { ConfigurationModule } from './configuration/nest/index.js';
import { HealthModule, HealthService, type HealthPart } from './health/index.js';
import { MetricsModule, type Readings } from './metrics/index.js';
import {
  CrlRevocation,
  FederatedTrust,
  MtlsModule,
  type CurrentTrust,
  type VerifiedClientIdentity,
} from './mtls/index.js';
import { CaService, CrlService, RevocationRegistry, type CertificationAuthority } from './pki/index.js';
import { PkiModule } from './pki/nest/index.js';
import type { Registry } from './registry/index.js';
import { RegistryModule } from './registry/nest/index.js';
import { RepositoryModule, type Published } from './repository/index.js';
import type { Store } from './store/index.js';
import type { Certificate } from './x509/index.js';

/** What has been opened before the application is made. */
export interface Runtime {
  readonly configuration: Configuration;
  readonly version: string;
  readonly store: Store;
  readonly authority: CertificationAuthority;
  readonly registry: Registry;
  /** The CA certificates that client certificates must lead to, as of now. */
  readonly trust: CurrentTrust;
  /** The certificate that the HTTPS listener presents now. */
  readonly serverCertificate: () => Certificate;
}

const now = (): Date => new Date();

/** Joins every room: the only module that sees them all and binds the ports of one to what another provides. */
@Module({})
export class AppModule {
  static forRoot(runtime: Runtime): DynamicModule {
    const { configuration, authority, store, registry } = runtime;
    const { pollInterval } = configuration.store;
    const health = healthModule(runtime);
    return {
      module: AppModule,
      imports: [
        ConfigurationModule.forRoot(configuration),
        PkiModule.forRoot({ settings: authority.settings, authority, store, pollInterval, isGlobal: true }),
        RegistryModule.forRoot({ registry, pollInterval }),
        mtlsModule(runtime),
        ApiModule.forRoot({ name: 'veritas', version: runtime.version, exemptPaths: configuration.mtls.exemptPaths }),
        health,
        metricsModule(runtime),
        repositoryModule(runtime, health),
      ],
    };
  }
}

function healthModule({ configuration, authority, store, serverCertificate }: Runtime): DynamicModule {
  const { mtls, health } = configuration;
  const { ocsp } = authority;
  return HealthModule.forRootAsync({
    inject: [CaService, CrlService, RevocationRegistry, FederatedTrust, CrlRevocation],
    useFactory: (
      ca: CaService,
      crls: CrlService,
      revocations: RevocationRegistry,
      federation: FederatedTrust,
      foreign: CrlRevocation,
    ): readonly HealthPart[] => [
      storePart(store, now),
      issuingCaPart(ca, revocations, { warningDays: health.issuingExpiryWarning, clock: now }),
      crlPart(ca, crls, now),
      ...(ocsp ? [ocspPart(ocsp, now)] : []),
      ...(mtls.crls.length > 0 ? [foreignCrlsPart(() => foreign.standing)] : []),
      ...(mtls.trustDomains.length > 0 ? [trustBundlesPart(() => federation.standing)] : []),
      serverCertificatePart(serverCertificate, ca, revocations, now),
    ],
  });
}

function mtlsModule({ configuration, authority, store, registry, trust }: Runtime): DynamicModule {
  const { mtls, pki } = configuration;
  const isOwn = namedBy(authority.ca);
  const isShutOut = registryDenial(registry.services);
  return MtlsModule.forRootAsync({
    inject: [RevocationRegistry],
    useFactory: (revocations: RevocationRegistry) => ({
      trustAnchors: trust,
      services: registryServices(registry.services),
      roles: registryRoles(registry.services, isOwn),
      onShadow: ({ route = '(no route)', ...call }) => {
        registry.shadows.note({ ...call, route }, Date.now());
      },
      serviceFrom: mtls.serviceFrom,
      trustDomain: mtls.trustDomain,
      presentedIntermediates: mtls.presentedIntermediates,
      trustDomains: federatedDomains(mtls),
      trustedProxies: mtls.trustedProxies.map((proxy) => ({ ...proxy, condition: isOwn, isShutOut })),
      issuerOrganization: mtls.issuerOrganization,
      exemptPaths: mtls.exemptPaths,
      onPeer: ({ certificates }, time) => {
        authority.sightings.note(certificates, time);
      },
      rates: { of: registryRates(registry.services, ratesOf(mtls.rates)), ...sharedRates(store) },
      expiredGrace: pki.renewalGrace * 1000,
      revocation: {
        mode: mtls.revocation,
        status: registryRevocation(revocations),
        refreshInterval: mtls.crlRefreshInterval,
        crls: crlSources(mtls),
      },
    }),
  });
}

function metricsModule({ configuration, version, serverCertificate }: Runtime): DynamicModule {
  return MetricsModule.forRootAsync({
    isPublic: configuration.metrics.public,
    inject: [CaService, CrlService, CrlRevocation],
    useFactory: (ca: CaService, crls: CrlService, foreign: CrlRevocation): Readings => ({
      version,
      certificate: serverCertificate,
      ...authorityReadings(ca, crls),
      foreignLists: () => foreign.standing,
    }),
  });
}

/** `health` has to be the same module object that the application imports: another one would be a second instance with routes of its own. */
function repositoryModule({ configuration, authority }: Runtime, health: DynamicModule): DynamicModule {
  const { ocsp } = authority;
  return RepositoryModule.forRootAsync(configuration.repository, {
    imports: [health],
    inject: [CaService, CrlService, HealthService],
    useFactory: (ca: CaService, crls: CrlService, healthService: HealthService): Published => ({
      certificate: (issuer) =>
        ca.authorities.find(({ id, state }) => id === issuer && state !== 'prepared')?.certificate.der,
      bundle: () => ca.trustBundle,
      spiffeBundle: () => ca.spiffeBundle(),
      crossCertificates: () => ca.crossCertificates,
      crl: (issuer, scope) => crls.current(issuer, scope),
      ocsp: ocsp && ((request) => ocsp.answer(request)),
      ready: async () => (await healthService.report()).status === 'healthy',
    }),
  });
}

/** Whether our own CA gave a service its name. Services of another CA that is trusted here become neither administrators nor proxies. */
function namedBy(ca: CaService): (identity: VerifiedClientIdentity) => boolean {
  // Computed once for each change of the CAs, because every request asks.
  let authorities: CaService['authorities'] | undefined;
  let own = new Set<string | undefined>();
  return ({ issuerFingerprint256 }) => {
    if (authorities !== ca.authorities) {
      authorities = ca.authorities;
      own = new Set(authorities.map(({ certificate }) => certificate.fingerprint256));
    }
    return own.has(issuerFingerprint256);
  };
}
