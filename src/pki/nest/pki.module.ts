import { Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { EventBus } from '../../events/index.js';
import { checkSound, openStore, Store } from '../../store/index.js';
import { CaService } from '../ca.service.js';
import { openCertificationAuthority, type CertificationAuthority } from '../certification-authority.js';
import { CrlSchedule } from '../crl/crl-schedule.js';
import { CrlService } from '../crl/crl.service.js';
import { checkOptions } from './checked-options.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, type PkiModuleOptions } from './pki.module-definition.js';
import { EnrollmentService } from '../enrollment/enrollment.service.js';
import { RevocationRegistry } from '../revocation/revocation-registry.js';
import { RevocationService } from '../revocation/revocation.service.js';

/** The token of the open {@link CertificationAuthority}, whose parts are providers of their own. */
export const CERTIFICATION_AUTHORITY = Symbol('CertificationAuthority');

const part = <Key extends keyof CertificationAuthority>(key: Key) => ({
  inject: [CERTIFICATION_AUTHORITY],
  useFactory: (authority: CertificationAuthority): CertificationAuthority[Key] => authority[key],
});

async function openAuthority(options: PkiModuleOptions): Promise<CertificationAuthority> {
  checkOptions(options);
  const { settings, store, events, create = false } = options;
  const opened = store instanceof Store ? store : await openStore(store);
  try {
    await checkSound(opened.database, opened.name);
    return await openCertificationAuthority({ settings, store: opened, ...(events ? { events } : {}), create });
  } catch (error) {
    if (opened !== store) await opened.close();
    throw error;
  }
}

/**
 * The certification authority in a Nest application: `PkiModule.forRoot({ settings, store })`. It provides {@link CaService}, {@link EnrollmentService},
 * {@link CrlService}, {@link RevocationService}, {@link RevocationRegistry} and {@link CERTIFICATION_AUTHORITY}, and keeps CRLs fresh until the application
 * shuts down.
 */
@Module({
  providers: [
    {
      provide: CERTIFICATION_AUTHORITY,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: async (options: PkiModuleOptions): Promise<CertificationAuthority> =>
        options.authority ?? openAuthority(options),
    },
    { provide: CaService, ...part('ca') },
    { provide: EnrollmentService, ...part('enrollment') },
    { provide: CrlService, ...part('crls') },
    { provide: RevocationService, ...part('revocations') },
    { provide: RevocationRegistry, ...part('registry') },
    { provide: EventBus, ...part('events') },
  ],
  exports: [
    CERTIFICATION_AUTHORITY,
    CaService,
    EnrollmentService,
    CrlService,
    RevocationService,
    RevocationRegistry,
    EventBus,
  ],
})
export class PkiModule extends ConfigurableModuleClass implements OnModuleInit, OnApplicationShutdown {
  readonly #schedule: CrlSchedule;

  constructor(
    @Inject(CERTIFICATION_AUTHORITY) private readonly authority: CertificationAuthority,
    @Inject(MODULE_OPTIONS_TOKEN) private readonly options: PkiModuleOptions,
  ) {
    super();
    this.#schedule = new CrlSchedule(authority);
  }

  async onModuleInit(): Promise<void> {
    const { pollInterval = 250, publishCrls = true } = this.options;
    await this.#schedule.start({ pollInterval, sign: publishCrls });
  }

  /** Last of all: requests that are still answered need the store. */
  async onApplicationShutdown(): Promise<void> {
    await this.#schedule.stop();
    // What was seen of peers in the last seconds is no reason not to end.
    await this.authority.sightings.flush().catch(() => undefined);
    this.authority.crls.close();
    if (!(this.options.store instanceof Store)) await this.authority.store.close();
  }
}
