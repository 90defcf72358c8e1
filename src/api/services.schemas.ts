import * as z from 'zod';
import { inDigits, wholeNumber } from './whole-number.js';

const time = z.iso.datetime({ offset: true, error: 'must be a time, such as 2027-01-31T12:00:00Z' });
const rate = z
  .strictObject({ per_second: z.number().int(), burst: z.number().int() })
  .describe('Requests a second, and how many at once.');
const roles = z.array(z.string().max(64)).max(32);
const pins = z
  .array(z.string().max(64))
  .max(16)
  .describe('SHA-256 of public keys, hexadecimal: none, or two and more.');
const note = z.string().max(500);

/** The body of a PUT: the terms as a whole. */
export const serviceTermsSchema = z
  .strictObject({
    state: z.enum(['allowed', 'denied', 'shadow']),
    tries: z
      .enum(['allowed', 'denied'])
      .nullish()
      .describe(
        'Of a shadow: `denied` (when absent) reports every call, `allowed` those against validity and pins; none is refused.',
      ),
    roles: roles.default([]),
    valid_from: time.nullish(),
    valid_until: time.nullish().describe('The first moment at which it is over.'),
    pins: pins.default([]),
    rate: rate.nullish(),
    note: note.nullish().describe('For people.'),
  })
  .describe('What the service may, whole: what is left out is not kept.');

const termsSchema = z.object({
  state: z.enum(['allowed', 'denied', 'shadow']),
  tries: z.enum(['allowed', 'denied']).nullable(),
  roles,
  valid_from: z.iso.datetime().nullable(),
  valid_until: z.iso.datetime().nullable(),
  pins,
  rate: rate.nullable(),
  note: note.nullable(),
});

const entrySchema = z.object({
  name: z.string().describe('A service, a SPIFFE ID, or a pattern of either.'),
  source: z.enum(['registry', 'configuration']),
  version: z.number().int().describe('Rises with each change; 0 of the configuration. The ETag has it as well.'),
  ...termsSchema.shape,
  changed_by: z.string().nullable(),
  changed_at: z.iso.datetime().nullable(),
  request_id: z.string().nullable(),
});

export const registeredServiceSchema = entrySchema.describe('What a service, or a pattern of services, may.');

export const servicesQuerySchema = z.strictObject({
  state: z.enum(['allowed', 'denied', 'shadow']).optional(),
  cursor: z.string().max(2050).optional().describe('`next` of the page before.'),
  limit: inDigits(wholeNumber(1000).default(100)),
});

export const servicesPageSchema = z
  .object({
    services: z.array(entrySchema),
    next: z.string().nullable().describe('The cursor of the next page; null on the last.'),
  })
  .describe('The list of services, by name: of the configuration, and of the registry.');

export const removedServiceSchema = z
  .object({
    name: z.string(),
    holds: entrySchema.nullable().describe('What holds from now on: the configured entry, or none.'),
  })
  .describe('The entry is removed.');

export const historyQuerySchema = z.strictObject({
  before: inDigits(wholeNumber(999_999_999_999_999).optional()).describe('Only versions before this one.'),
  limit: inDigits(wholeNumber(1000).default(100)),
});

export const historySchema = z
  .object({
    name: z.string(),
    changes: z.array(
      z.object({
        version: z.number().int(),
        terms: termsSchema.nullable().describe('Null: the entry was removed.'),
        changed_by: z.string(),
        changed_at: z.iso.datetime(),
        request_id: z.string(),
      }),
    ),
  })
  .describe('The changes of an entry, the last first.');

export const shadowQuerySchema = z.strictObject({ limit: inDigits(wholeNumber(10_000).default(1000)) });

export const shadowReportSchema = z
  .object({
    shadowed: z.array(
      z.object({
        service: z.string(),
        method: z.string(),
        route: z.string(),
        code: z.string().describe('What it would have been refused with.'),
        reason: z.string(),
        calls: z.number().int(),
        first_at: z.iso.datetime(),
        last_at: z.iso.datetime(),
      }),
    ),
  })
  .describe('Calls that shadows let pass, and that would have been refused; the latest first.');
