import * as z from 'zod';

export const serviceSchema = z
  .object({
    service: z.string().describe('The name of this service.'),
    version: z.string(),
    mtls: z.literal('enabled'),
    protocol: z.string().nullable().describe('The TLS version of this connection.'),
  })
  .describe('What this service is.');

export const testSchema = z
  .object({
    message: z.literal('mTLS authentication successful'),
    client: z.object({ service: z.string(), common_name: z.string().nullable(), authenticated: z.literal(true) }),
  })
  .describe('Proof that the certificate on the connection passed.');

export const certificateInfoSchema = z
  .object({
    subject: z.string().describe('RFC 4514 text.'),
    issuer: z.string().describe('RFC 4514 text.'),
    serial_number: z.string().describe('Lower-case hexadecimal.'),
    not_before: z.iso.datetime(),
    not_after: z.iso.datetime(),
    days_left: z.number().int().describe('Whole days until notAfter.'),
    subject_alt_names: z.array(z.string()).describe('Each with its kind, such as `DNS:localhost`.'),
    public_key: z.object({
      algorithm: z.string(),
      size: z.number().int().optional().describe('Bits.'),
      curve: z.string().optional(),
    }),
    signature_algorithm: z.string(),
    key_usage: z.array(z.string()),
    extended_key_usage: z.array(z.string()),
    fingerprint_sha256: z.string(),
    fingerprint_sha1: z.string().describe('A name for older tools, not a protection.'),
    spki_sha256: z.string().describe('SHA-256 of the public key, for pinning.'),
  })
  .describe('The client certificate of the caller.');

export const whoamiSchema = z
  .object({
    authenticated: z.literal(true),
    service: z.string(),
    common_name: z.string().nullable(),
    spiffe_id: z.string().nullable(),
    roles: z.array(z.string()),
    established_by: z
      .object({
        method: z
          .union([z.literal('mtls'), z.templateLiteral(['proxy:', z.string()])])
          .describe('`mtls`: on this connection; `proxy:` and a service: handed on by that proxy.'),
        service_from: z.enum(['cn', 'dns', 'spiffe']).describe('Where the name of the service was read.'),
        trust_domain: z
          .string()
          .nullable()
          .describe('The trust domain whose CA vouches for it, where that has a name.'),
        serial_number: z.string(),
        fingerprint_sha256: z.string(),
      })
      .describe('How the identity was established.'),
  })
  .describe('Who the caller is.');

export const trustBundleSchema = z
  .object({
    keys: z.array(
      z.looseObject({
        kty: z.string(),
        use: z.literal('x509-svid'),
        x5c: z.array(z.string()).describe('The certificate of the CA, base64 of its DER.'),
      }),
    ),
    spiffe_sequence: z.number().int().describe('Rises with each change.'),
    spiffe_refresh_hint: z.number().int().describe('How often to look again, in seconds.'),
  })
  .describe('A SPIFFE trust bundle: a JWK set with the CA certificates that are trusted now.');

export const metricsPageSchema = z.string().describe('Counts and states, as Prometheus reads them.');

const partSchema = z.object({
  state: z.enum(['up', 'warning', 'down']),
  detail: z.string().optional().describe('Why, where there is something to say; no path, no name of a machine.'),
});

export const healthSchema = z
  .object({
    status: z.enum(['healthy', 'unhealthy']),
    mtls: z.literal('enabled'),
    parts: z.record(z.string(), partSchema).describe('Each part by name; one that is down makes the whole unhealthy.'),
  })
  .describe('How the service is.');

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string(),
    request_id: z.string(),
    error: z.string().describe('The first sentence of `detail`, for older clients.'),
    status_code: z.number().int().describe('The same as `status`, for older clients.'),
    retry_after: z.number().int().optional().describe('Of `rate_limited`: the seconds of `Retry-After`.'),
  })
  .describe('A problem document (RFC 9457).');
