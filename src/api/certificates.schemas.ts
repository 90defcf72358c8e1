import * as z from 'zod';
import { inDigits, wholeNumber } from './whole-number.js';

const serialNumber = z.string().describe('Lower-case hexadecimal.');

export const issuanceTermsSchema = z.strictObject({
  profile: z
    .string()
    .max(64)
    .optional()
    .describe(
      '`service` when absent; also `server`, `client`, `spiffe`, `ocsp-responder`, `crl-issuer`, or one of `pki.profiles`.',
    ),
  service: z.string().max(64).optional().describe("The service's name; the request's common name when absent."),
  names: z
    .array(z.string().max(2100))
    .max(100)
    .optional()
    .describe('More names, as `DNS:worker.local`, `IP:10.0.0.7` or `URI:spiffe://example.org/worker`.'),
  ttl: z
    .string()
    .max(16)
    .optional()
    .describe('How long it is valid: `24h`, `30d`, `15m`, or seconds. The profile decides when absent.'),
});

export const issuanceSchema = issuanceTermsSchema
  .extend({ csr: z.string().max(65_536).describe('The certification request (PKCS#10), PEM.') })
  .describe('What to certify. As `application/pkcs10`, the request alone, with the other fields in the query.');

export const renewalSchema = z
  .strictObject({ csr: z.string().max(65_536).describe('The certification request (PKCS#10) for a new key, PEM.') })
  .describe('The new key. As `application/pkcs10`, the request alone.');

export const enrollmentSchema = renewalSchema.describe(
  'The key of the service, with `Authorization: Bearer` and a one-time token. As `application/pkcs10`, the request alone. An Idempotency-Key is not needed and not looked at: the same token with a request for the same key gives the same certificate.',
);

export const issuedSchema = z
  .object({
    serial_number: serialNumber,
    subject: z.string().describe('RFC 4514 text.'),
    names: z.array(z.string()),
    not_before: z.iso.datetime(),
    not_after: z.iso.datetime(),
    chain: z.string().describe('PEM: the certificate, then its issuing CA.'),
  })
  .describe('A new certificate; with `Accept: application/pem-certificate-chain` its chain alone.');

export const listQuerySchema = z.strictObject({
  status: z.enum(['active', 'expired', 'revoked']).optional(),
  // PostgreSQL has no text with a NUL in it.
  service: z
    .string()
    .max(64)
    .regex(/^[^\0]*$/, 'must be the name of a service')
    .optional(),
  expires_before: z
    .union([z.iso.datetime({ offset: true }), z.iso.date()], {
      error: 'must be a date or a time, such as 2027-01-31 or 2027-01-31T12:00:00Z',
    })
    .optional()
    .describe('Those whose validity ends before this time.'),
  cursor: z.string().max(100).optional().describe('`next` of the page before, with the same filter.'),
  limit: inDigits(wholeNumber(1000).default(100)),
});

const recordSchema = z.object({
  serial_number: serialNumber,
  issuer: z.string(),
  profile: z.string(),
  service: z.string().nullable(),
  subject: z.string(),
  status: z.enum(['active', 'expired', 'revoked']),
  not_before: z.iso.datetime(),
  not_after: z.iso.datetime(),
  issued_at: z.iso.datetime(),
  requester: z.string(),
  revoked_at: z.iso.datetime().nullable(),
  revocation_reason: z.string().nullable().describe('A CRLReason of RFC 5280 §5.3.1.'),
  invalidity_date: z.iso
    .datetime()
    .nullable()
    .describe('Since when it is believed to be invalid, where that was said.'),
  fingerprint_sha256: z.string(),
});

export const pageSchema = z
  .object({
    certificates: z.array(recordSchema),
    next: z.string().nullable().describe('The cursor of the next page; null on the last.'),
  })
  .describe(
    'Certificates of this CA, newest first; where the end of their validity is asked about (status `active` or `expired`, `expires_before`), the latest end first.',
  );

export const recordWithPemSchema = recordSchema
  .extend({ certificate: z.string().describe('PEM.') })
  .describe('A certificate of this CA.');

export const revocationRequestSchema = z
  .strictObject({
    reason: z
      .string()
      .max(64)
      .optional()
      .describe(
        'A CRLReason; `unspecified` when absent. Role `issuer`: `certificateHold` can be taken back with `removeFromCRL`.',
      ),
    invalidity_date: z.iso
      .datetime({ offset: true, error: 'must be a time, such as 2027-01-31T12:00:00Z' })
      .optional()
      .describe('Since when the certificate is believed to be invalid; in the past.'),
  })
  .describe('Why.');

export const revokedSchema = z
  .object({
    serial_number: serialNumber,
    reason: z.string().describe('`removeFromCRL`: it is released.'),
    revoked_at: z.iso.datetime().nullable().describe('Null when it is released.'),
    already_revoked: z
      .boolean()
      .describe(
        'Whether it was before this call and nothing changed; then reason and time are those of then. A compromise replaces another reason.',
      ),
  })
  .describe('The revocation or release, durable.');
