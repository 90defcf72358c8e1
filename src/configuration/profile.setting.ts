import { z } from 'zod';
import { dnsRule, ipRule, uriRule } from './name-rules.setting.js';
import { requestersSchema } from './requesters.setting.js';
import { publicationUrl } from './publication-url.setting.js';
import { duration, list, text } from './setting.js';

const DAY = 86_400;
const profileName = text('1 to 32 lower-case letters, digits and hyphens', /^[a-z][a-z0-9-]{0,31}$/, 32);

/** One profile of the operator's own (`pki.profiles`). */
export const profileSchema = z
  .strictObject({
    name: profileName.describe(
      'What requests call it. `server`, `client`, `service` and `spiffe` are there, and can be replaced.',
    ),
    purposes: z
      .array(z.enum(['serverAuth', 'clientAuth']))
      .min(1)
      .describe('Extended key usages.'),
    lifetime: duration('s', 1, 398 * DAY)
      .exactOptional()
      .describe('When nothing else is asked for.'),
    maximumLifetime: duration('s', 1, 398 * DAY).describe('The longest that can be asked for.'),
    keyTypes: z
      .array(z.enum(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA']))
      .min(1)
      .exactOptional()
      .describe('Kinds of keys; every one when absent.'),
    minimumRsaBits: z.int().min(2048).max(8192).exactOptional().describe('2048 when absent.'),
    identity: z
      .enum(['service', 'spiffe'])
      .exactOptional()
      .describe('`service` puts its own name among the DNS names; `spiffe` asks for exactly one SPIFFE ID instead.'),
    names: z
      .strictObject({
        dns: list(dnsRule, 'rules for DNS names').exactOptional(),
        ip: list(ipRule, 'rules for IP addresses').exactOptional(),
        uri: list(uriRule, 'rules for URIs').exactOptional(),
      })
      .exactOptional()
      .describe('The names that can be had besides the own one. A kind without a list: any; an empty list: none.'),
    requesters: requestersSchema
      .exactOptional()
      .describe(
        'Which services with the role issuer may ask for which services and names: `{ service | role, services, dns, ip, uri }`. Absent: every one, for all that the profile gives; an empty list: none but administrators. A kind of name without a list: none.',
      ),
    keyUsages: z
      .array(z.enum(['digitalSignature', 'keyEncipherment', 'keyAgreement']))
      .refine(
        (usages) => usages.includes('digitalSignature'),
        'digitalSignature among them: nobody can authenticate without',
      )
      .exactOptional()
      .describe(
        'What the key is for: digitalSignature, and keyEncipherment of RSA keys and keyAgreement of EC keys where they stand here. When absent digitalSignature, and keyEncipherment of RSA keys.',
      ),
    backdate: duration('s', 0, 86_400).exactOptional().describe('`pki.backdate` when absent.'),
    publicationUrl: publicationUrl()
      .exactOptional()
      .describe('Where its list and its issuer are to be had; `pki.publicationUrl` when absent.'),
    noRevocation: z
      .boolean()
      .exactOptional()
      .describe(
        'Nothing is published about its revocation: noRevAvail (RFC 9608) instead of the locations of CRL and OCSP. For a maximumLifetime up to 7d.',
      ),
    mustStaple: z
      .boolean()
      .exactOptional()
      .describe('Clients insist on a stapled OCSP response (RFC 7633). For serverAuth, and not with noRevocation.'),
  })
  .refine(({ lifetime, maximumLifetime }) => lifetime === undefined || lifetime <= maximumLifetime, {
    path: ['lifetime'],
    message: 'at most maximumLifetime',
  })
  .refine(({ noRevocation, maximumLifetime }) => noRevocation !== true || maximumLifetime <= 7 * DAY, {
    path: ['noRevocation'],
    message: 'only with a maximumLifetime up to 7d',
  })
  .refine(({ mustStaple, noRevocation }) => mustStaple !== true || noRevocation !== true, {
    path: ['mustStaple'],
    message: 'not with noRevocation',
  })
  .refine(({ mustStaple, purposes }) => mustStaple !== true || purposes.includes('serverAuth'), {
    path: ['mustStaple'],
    message: 'only with the purpose serverAuth',
  });
