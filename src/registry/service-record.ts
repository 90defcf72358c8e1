import type { RegisteredService, ServiceChange } from './registered-service.js';
import type { ServiceTerms } from './service-terms.js';
import type { ShadowedCalls } from './shadow-report.js';

/** Terms as JSON has them; times as RFC 3339 text. */
export interface TermsRecord {
  readonly state: ServiceTerms['state'];
  readonly tries: ServiceTerms['tries'];
  readonly roles: string[];
  readonly valid_from: string | null;
  readonly valid_until: string | null;
  readonly pins: string[];
  readonly rate: { readonly per_second: number; readonly burst: number } | null;
  readonly note: string | null;
}

/** An entry as JSON has it. */
export interface ServiceRecord extends TermsRecord {
  readonly name: string;
  readonly source: RegisteredService['source'];
  readonly version: number;
  readonly changed_by: string | null;
  readonly changed_at: string | null;
  readonly request_id: string | null;
}

/** A change as JSON has it: `terms` null, the entry was removed. */
export interface ChangeRecord {
  readonly version: number;
  readonly terms: TermsRecord | null;
  readonly changed_by: string;
  readonly changed_at: string;
  readonly request_id: string;
}

/** Calls that would have been refused, as JSON has them. */
export interface ShadowRecord {
  readonly service: string;
  readonly method: string;
  readonly route: string;
  readonly code: string;
  readonly reason: string;
  readonly calls: number;
  readonly first_at: string;
  readonly last_at: string;
}

/** An entry for JSON: who changed it is null for those of the configuration. */
export function serviceRecord({ name, source, version, terms, changed }: RegisteredService): ServiceRecord {
  return {
    name,
    source,
    version,
    ...termsRecord(terms),
    changed_by: changed?.author ?? null,
    changed_at: changed?.at.toISOString() ?? null,
    request_id: changed?.requestId ?? null,
  };
}

/** A change for JSON. */
export function changeRecord({ version, terms, author, requestId, at }: ServiceChange): ChangeRecord {
  return {
    version,
    terms: terms ? termsRecord(terms) : null,
    changed_by: author,
    changed_at: at.toISOString(),
    request_id: requestId,
  };
}

/** Shadowed calls for JSON. */
export function shadowRecord({ firstAt, lastAt, ...calls }: ShadowedCalls): ShadowRecord {
  return { ...calls, first_at: firstAt.toISOString(), last_at: lastAt.toISOString() };
}

function termsRecord({ state, tries, roles, validFrom, validUntil, pins, rate, note }: ServiceTerms): TermsRecord {
  return {
    state,
    tries,
    roles: [...roles],
    valid_from: textOf(validFrom),
    valid_until: textOf(validUntil),
    pins: [...pins],
    rate: rate && { per_second: rate.perSecond, burst: rate.burst },
    note,
  };
}

const textOf = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());
