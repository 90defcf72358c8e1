import type { ServiceChangeRow } from '../store/index.js';
import { allowedWith, type ServiceTerms } from './service-terms.js';

/** What a service, or a pattern of services, may do, and who decided that. */
export interface RegisteredService {
  readonly name: string;
  /** `configuration`: it is on the configured list, and the registry has no entry for it. */
  readonly source: 'registry' | 'configuration';
  /** Rises with each change of the entry; 0 of the configuration. */
  readonly version: number;
  readonly terms: ServiceTerms;
  /** The last change; undefined of the configuration. */
  readonly changed: { readonly author: string; readonly requestId: string; readonly at: Date } | undefined;
}

/** One change of a service; `terms` undefined: its entry was removed. */
export interface ServiceChange {
  readonly version: number;
  readonly terms: ServiceTerms | undefined;
  readonly author: string;
  readonly requestId: string;
  readonly at: Date;
}

/** A name on the configured list. */
export const configuredService = (name: string, roles: readonly string[]): RegisteredService => ({
  name,
  source: 'configuration',
  version: 0,
  terms: allowedWith(roles),
  changed: undefined,
});

/** The entry that a row made; undefined when it took it away. */
export function serviceOf(row: ServiceChangeRow): RegisteredService | undefined {
  const { version, terms, ...changed } = changeOf(row);
  return terms && { name: row.name, source: 'registry', version, terms, changed };
}

/** The change that a row records. */
export function changeOf(row: ServiceChangeRow): ServiceChange {
  const { version, author, request_id: requestId, changed_at: at } = row;
  return { version, terms: termsOf(row), author, requestId, at: new Date(at) };
}

function termsOf(row: ServiceChangeRow): ServiceTerms | undefined {
  const { state, tries, rate, burst, note } = row;
  if (state === 'removed') return undefined;
  return {
    state,
    tries,
    roles: JSON.parse(row.roles) as string[],
    validFrom: row.valid_from,
    validUntil: row.valid_until,
    pins: JSON.parse(row.pins) as string[],
    rate: rate === null || burst === null ? null : { perSecond: rate, burst },
    note,
  };
}

/** A row's columns of terms; undefined: the entry is removed. */
export function columnsOf(
  terms: ServiceTerms | undefined,
): Pick<
  ServiceChangeRow,
  'state' | 'tries' | 'roles' | 'valid_from' | 'valid_until' | 'pins' | 'rate' | 'burst' | 'note'
> {
  const { tries, roles, validFrom, validUntil, pins, rate, note } = terms ?? allowedWith([]);
  return {
    state: terms?.state ?? 'removed',
    tries,
    roles: JSON.stringify(roles),
    valid_from: validFrom,
    valid_until: validUntil,
    pins: JSON.stringify(pins),
    rate: rate?.perSecond ?? null,
    burst: rate?.burst ?? null,
    note,
  };
}
