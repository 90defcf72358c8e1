import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { EventBus } from '../../events/index.js';
import type { CertificationAuthority } from '../certification-authority.js';
import type { Store, StoreOptions } from '../../store/index.js';
import type { PkiSettings } from '../pki-settings.js';

/** What `PkiModule.forRoot` takes. */
export interface PkiModuleOptions {
  readonly settings: PkiSettings;
  /** A certification authority that is open already; otherwise the module opens one with `settings` and `store`. */
  readonly authority?: CertificationAuthority;
  /** An open store, or which one to open: then the module opens and closes it. */
  readonly store: Store | StoreOptions;
  readonly events?: EventBus;
  /** How often the store is asked for what other processes did, in milliseconds; 250 when absent. */
  readonly pollInterval?: number;
  /** Make root and issuing CA when there are none. */
  readonly create?: boolean;
  /** Sign CRLs when they are due; true when absent. */
  readonly publishCrls?: boolean;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<PkiModuleOptions>()
  .setClassMethodName('forRoot')
  .setExtras({ isGlobal: false }, (definition, { isGlobal }) => ({ ...definition, global: isGlobal }))
  .build();
