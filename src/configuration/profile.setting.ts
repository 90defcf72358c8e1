import * as z from 'zod';
import { dnsRule, ipRule, subtree, uriRule } from './name-rule.setting.js';
import { contradictionsOf } from './profile-contradictions.js';
import { publicationUrl } from './publication-url.setting.js';
import { requestersSchema } from './requesters.setting.js';
import { duration, flag, integer, list, oneOf, text } from './setting.js';

const DAY = 86_400;
// Names of the profiles that the CA uses for itself.
const TAKEN = ['root', 'issuing', 'cross'];
const profileName = text('1 to 32 lower-case letters, digits and hyphens', /^[a-z][a-z0-9-]{0,31}$/, 32).refine(
  (name) => !TAKEN.includes(name),
  `another name than ${TAKEN.join(', ')}`,
);

/** A profile: one of the operator's (`pki.profiles`) or a built-in one. */
export const profileSchema = z
  .strictObject({
    name: profileName.describe(
      'The name of the profile in requests. A profile with the name of a built-in one (`config/profiles.yaml`) replaces it.',
    ),
    kind: oneOf(['end-entity', 'intermediate', 'ocsp-responder', 'crl-issuer'])
      .exactOptional()
      .describe(
        '`end-entity` when absent. `intermediate`: a CA whose key is elsewhere; the name of the profile must begin with `intermediate`. The other two kinds are for the profiles with the same names.',
      ),
    purposes: list(oneOf(['serverAuth', 'clientAuth']), 'purposes out of serverAuth, clientAuth', 1)
      .exactOptional()
      .describe('The extended key usages. Required for an end entity, not allowed for other kinds.'),
    lifetime: duration('s', 1, 3650 * DAY)
      .exactOptional()
      .describe(
        'The lifetime when the request names none. When absent: `pki.serviceLifetime`, for an intermediate CA `maximumLifetime`.',
      ),
    maximumLifetime: duration('s', 1, 3650 * DAY)
      .exactOptional()
      .describe(
        'The longest lifetime that can be requested: at most 398d, for an intermediate CA 3650d, for `ocsp-responder` 31d. When absent: 90d, or `pki.serviceLifetime` if that is longer; for an intermediate CA 1825d, for `ocsp-responder` 31d.',
      ),
    keyTypes: list(
      oneOf(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA']),
      'kinds of keys out of P-256, P-384, P-521, Ed25519, RSA',
      1,
    )
      .exactOptional()
      .describe('The kinds of keys that are accepted; all when absent.'),
    minimumRsaBits: integer(2048, 8192)
      .exactOptional()
      .describe('The smallest RSA key that is accepted, in bits; 2048 when absent.'),
    identity: oneOf(['service', 'spiffe'])
      .exactOptional()
      .describe(
        '`service` adds the name of the service to the DNS names. `spiffe` requires exactly one SPIFFE ID instead.',
      ),
    names: z
      .strictObject({
        dns: list(dnsRule, 'rules for DNS names')
          .exactOptional()
          .describe(
            '`api.example.org` is this name. `*.example.org` is any name with one more label, `.example.org` with one or more.',
          ),
        ip: list(ipRule, 'rules for IP addresses')
          .exactOptional()
          .describe('`10.0.0.7`, or a prefix: `10.0.0.0/8`, `fd00::/8`.'),
        uri: list(uriRule, 'rules for URIs')
          .exactOptional()
          .describe('A whole URI, its beginning past the host and `*`, or a scheme as in `spiffe://*`.'),
      })
      .exactOptional()
      .describe(
        'The names that can be requested in addition to the name of the service. A kind of name without a list: any; with an empty list: none.',
      ),
    requesters: requestersSchema
      .exactOptional()
      .describe(
        'Which services with the role issuer may request certificates for which services and names: `{ service | role, services, dns, ip, uri }`. Absent: each of them, for everything that the profile allows. An empty list: only administrators. A kind of name without a list: none.',
      ),
    keyUsages: list(
      oneOf(['digitalSignature', 'keyEncipherment', 'keyAgreement']),
      'digitalSignature, keyEncipherment and keyAgreement, the first among them',
    )
      .refine(
        (usages) => usages.includes('digitalSignature'),
        'digitalSignature among them: nobody can authenticate without',
      )
      .exactOptional()
      .describe(
        'The key usages. keyEncipherment is set only for RSA keys, keyAgreement only for EC keys. When absent: digitalSignature, and keyEncipherment for RSA keys.',
      ),
    backdate: duration('s', 0, 86_400)
      .exactOptional()
      .describe('How far `notBefore` lies in the past; `pki.backdate` when absent.'),
    publicationUrl: publicationUrl()
      .exactOptional()
      .describe(
        'The URL below which certificates of this profile say that their revocation list and their issuer are; `pki.publicationUrl` when absent.',
      ),
    noRevocation: flag()
      .exactOptional()
      .describe(
        'Certificates contain noRevAvail (RFC 9608) instead of the locations of CRL and OCSP: there is no revocation information about them. Only with a maximumLifetime of at most 7d.',
      ),
    mustStaple: flag()
      .exactOptional()
      .describe(
        'Certificates make clients require a stapled OCSP response (RFC 7633). Only with serverAuth, and not with noRevocation.',
      ),
    pathLength: integer(0, 8)
      .exactOptional()
      .describe(
        'For an intermediate CA: how many CAs may be below it in a path. Absent: the value of `veritas sign --path-length`, or 0 without that option.',
      ),
    nameConstraints: z
      .strictObject({
        permit: list(subtree, 'subtrees')
          .exactOptional()
          .describe('The names that certificates below the CA may have. None may lie within a subtree of `exclude`.'),
        exclude: list(subtree, 'subtrees')
          .exactOptional()
          .describe('The names that certificates below the CA must not have.'),
      })
      .exactOptional()
      .describe(
        'For an intermediate CA: its name constraints (RFC 5280 §4.2.1.10). Absent: the values of `veritas sign --permit --exclude`.',
      ),
  })
  .superRefine((profile, context) => {
    for (const { path, allowed } of contradictionsOf(profile))
      context.addIssue({ code: 'custom', path: [...path], message: allowed });
  });
