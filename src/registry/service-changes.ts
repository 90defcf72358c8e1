import type { AuditLog } from '../audit/index.js';
import {
  findServiceChange,
  insertServiceChange,
  serviceHistory,
  type Store,
  type Transaction,
} from '../store/index.js';
import { changeOf, columnsOf, serviceOf, type RegisteredService, type ServiceChange } from './registered-service.js';
import { checkName, checkNewName } from './registered-name.js';
import { RegistryError } from './registry-error.js';
import { MOST_NAMES, MOST_PATTERNS } from './service-index.js';
import type { ServiceRegistry } from './service-registry.js';
import { checkTerms, type ServiceTerms } from './service-terms.js';

/** The condition for a change: the entry has one of these versions (0 is the configured entry), there is an entry at all, or there is none. */
export type Expected = readonly number[] | 'present' | 'absent';

/** Who changes what, and on what condition. */
export interface ChangeRequest {
  readonly name: string;
  readonly requester: { readonly actor: string; readonly requestId: string };
  readonly expected?: Expected | undefined;
}

/** The result of a change. `isNew`: there was no entry before. `isChanged` is false when the entry had these terms already. */
export interface ChangeResult {
  readonly service: RegisteredService;
  readonly isNew: boolean;
  readonly isChanged: boolean;
}

/** Changes the registry. Each change is a row that stays, is in the audit record before it is made, and is in force in this process when the call returns. */
export class ServiceChanges {
  readonly #store: Store;
  readonly #audit: AuditLog;
  readonly #registry: ServiceRegistry;
  readonly #roles: readonly string[];
  readonly #now: () => Date;

  constructor(parts: {
    readonly store: Store;
    readonly audit: AuditLog;
    readonly registry: ServiceRegistry;
    /** Those that there are. */
    readonly roles: readonly string[];
    readonly now: () => Date;
  }) {
    this.#store = parts.store;
    this.#audit = parts.audit;
    this.#registry = parts.registry;
    this.#roles = parts.roles;
    this.#now = parts.now;
  }

  /**
   * Gives a name, or a pattern, these terms, which replace the earlier ones completely. When it has the same terms already, nothing is changed, whatever was
   * expected. Throws RegistryError, and what the store throws.
   */
  async put({ terms, ...request }: ChangeRequest & { readonly terms: ServiceTerms }): Promise<ChangeResult> {
    const proven = checkTerms(terms, this.#roles);
    const isPattern = checkNewName(request.name).kind === 'pattern';
    const result = await this.#store.transaction(async (transaction): Promise<ChangeResult> => {
      const { holds, last } = await this.#current(transaction, request.name);
      if (holds?.source === 'registry' && isEqual(holds.terms, proven))
        return { service: holds, isNew: false, isChanged: false };
      checkExpected(holds, request.expected);
      if (!holds) this.#checkRoom(isPattern);
      const [name, version] = [request.name, last + 1];
      const changed = await this.#write(transaction, request, version, proven);
      const service = { name, source: 'registry', version, terms: proven, changed } as const;
      return { service, isNew: holds === undefined, isChanged: true };
    });
    await this.#registry.refresh();
    return result;
  }

  /** Removes an entry. Returns what is in force from then on: the configured entry, or undefined. Throws RegistryError, and what the store throws. */
  async remove(request: ChangeRequest): Promise<RegisteredService | undefined> {
    checkName(request.name);
    await this.#store.transaction(async (transaction) => {
      const { holds, last } = await this.#current(transaction, request.name);
      checkExpected(holds, request.expected);
      if (!holds) throw unknown(request.name);
      if (holds.source === 'configuration')
        throw new RegistryError('service_configured', 'the service is on the configured list, and has no entry here');
      await this.#write(transaction, request, last + 1, undefined);
    });
    await this.#registry.refresh();
    return this.#registry.configured(request.name);
  }

  /**
   * The changes of a name, the latest first, at most `limit`, and only those before a version when one is given. Throws RegistryError `service_unknown` when
   * there never was an entry of that name.
   */
  async history(
    name: string,
    page: { readonly before?: number | undefined; readonly limit: number },
  ): Promise<ServiceChange[]> {
    checkName(name);
    const rows = await serviceHistory(this.#store.database, name, page);
    if (rows.length === 0 && !this.#registry.find(name)) throw unknown(name);
    return rows.map(changeOf);
  }

  /** The entry that is in force in the store, and the version of the last change, which may be a removal. */
  async #current(transaction: Transaction, name: string) {
    const row = await findServiceChange(transaction, name);
    const holds = (row && serviceOf(row)) ?? this.#registry.configured(name);
    return { holds, last: row?.version ?? 0 };
  }

  #checkRoom(isPattern: boolean): void {
    const { names, patterns } = this.#registry.size;
    if (isPattern ? patterns >= MOST_PATTERNS : names >= MOST_NAMES)
      throw new RegistryError(
        'registry_full',
        isPattern ? `there are ${MOST_PATTERNS} patterns` : `there are ${MOST_NAMES} services`,
      );
  }

  async #write(
    transaction: Transaction,
    { name, requester: { actor, requestId } }: ChangeRequest,
    version: number,
    terms: ServiceTerms | undefined,
  ): Promise<RegisteredService['changed']> {
    const at = this.#now();
    const columns = columnsOf(terms);
    const detail = {
      version: String(version),
      state: columns.state,
      ...(terms ? { terms: JSON.stringify(terms) } : {}),
    };
    const entry = { action: 'service.change', actor, requestId, subject: name, detail };
    await this.#audit.append({ ...entry, phase: 'intent' }, transaction);
    await insertServiceChange(transaction, {
      name,
      version,
      ...columns,
      author: actor,
      request_id: requestId,
      changed_at: at.getTime(),
    });
    await this.#audit.append({ ...entry, phase: 'result' }, transaction);
    return { author: actor, requestId, at };
  }
}

function checkExpected(holds: RegisteredService | undefined, expected: Expected | undefined): void {
  if (expected === undefined) return;
  const isSo =
    expected === 'absent'
      ? holds === undefined
      : holds !== undefined && (expected === 'present' || expected.includes(holds.version));
  if (!isSo)
    throw new RegistryError(
      'version_mismatch',
      holds ? `the service is at version ${holds.version}` : 'there is no such service',
    );
}

const unknown = (name: string): RegistryError => new RegistryError('service_unknown', `there is no entry for ${name}`);

const isEqual = (a: ServiceTerms, b: ServiceTerms): boolean => JSON.stringify(a) === JSON.stringify(b);
