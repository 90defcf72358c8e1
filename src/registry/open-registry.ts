import { AuditLog } from '../audit/index.js';
import { EventBus } from '../events/index.js';
import type { Store } from '../store/index.js';
import { ServiceChanges } from './service-changes.js';
import { ServiceRegistry, type ConfiguredService } from './service-registry.js';
import { ShadowReport } from './shadow-report.js';

/** The parts of an open registry. */
export interface Registry {
  readonly services: ServiceRegistry;
  readonly changes: ServiceChanges;
  readonly shadows: ShadowReport;
}

/** Opens the registry on a store and reads it. The store stays the caller's to close. Throws what the store throws. */
export async function openRegistry({
  store,
  configured,
  roles,
  events = new EventBus(),
  now = () => new Date(),
}: {
  readonly store: Store;
  /** The configured list: what it starts from. */
  readonly configured: readonly ConfiguredService[];
  /** The roles that there are. */
  readonly roles: readonly string[];
  readonly events?: EventBus;
  readonly now?: () => Date;
}): Promise<Registry> {
  const services = new ServiceRegistry({ store, events, configured });
  await services.refresh();
  const audit = new AuditLog(store, now);
  return {
    services,
    changes: new ServiceChanges({ store, audit, registry: services, roles, now }),
    shadows: new ShadowReport({ store, events }),
  };
}
