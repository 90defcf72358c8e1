import * as z from 'zod';
import { dnsRule, ipRule, subtree, uriRule } from './name-rule.setting.js';
import { contradictionsOf } from './profile-contradictions.js';
import { publicationUrl } from './publication-url.setting.js';
import { requestersSchema } from './requesters.setting.js';
import { duration, flag, integer, list, oneOf, text } from './setting.js';

const DAY = 86_400;
// Profiles of a CA's own.
const TAKEN = ['root', 'issuing', 'cross'];
const profileName = text('1 to 32 lower-case letters, digits and hyphens', /^[a-z][a-z0-9-]{0,31}$/, 32).refine(
  (name) => !TAKEN.includes(name),
  `another name than ${TAKEN.join(', ')}`,
);

/** One profile: of the operator's own (`pki.profiles`), or of those that are built in. */
export const profileSchema = z
  .strictObject({
    name: profileName.describe(
      'What requests call it. The name of one that is built in (`config/profiles.yaml`) takes its place.',
    ),
    kind: oneOf(['end-entity', 'intermediate', 'ocsp-responder', 'crl-issuer'])
      .exactOptional()
      .describe(
        '`end-entity` when absent. `intermediate`, with a name that begins with it: a CA whose key is elsewhere. The other two are for the profiles of these names.',
      ),
    purposes: list(oneOf(['serverAuth', 'clientAuth']), 'purposes out of serverAuth, clientAuth', 1)
      .exactOptional()
      .describe('Extended key usages; required of an end entity, and of nothing else.'),
    lifetime: duration('s', 1, 3650 * DAY)
      .exactOptional()
      .describe(
        'When nothing else is asked for; when absent `pki.serviceLifetime`, of an intermediate CA `maximumLifetime`.',
      ),
    maximumLifetime: duration('s', 1, 3650 * DAY)
      .exactOptional()
      .describe(
        'The longest that can be asked for: up to 398d, of an intermediate CA 3650d, of `ocsp-responder` 31d. When absent 90d, or `pki.serviceLifetime` when that is longer; 1825d of an intermediate CA, 31d of `ocsp-responder`.',
      ),
    keyTypes: list(
      oneOf(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA']),
      'kinds of keys out of P-256, P-384, P-521, Ed25519, RSA',
      1,
    )
      .exactOptional()
      .describe('Kinds of keys; every one when absent.'),
    minimumRsaBits: integer(2048, 8192).exactOptional().describe('The least size of an RSA key; 2048 when absent.'),
    identity: oneOf(['service', 'spiffe'])
      .exactOptional()
      .describe('`service` puts its own name among the DNS names; `spiffe` asks for exactly one SPIFFE ID instead.'),
    names: z
      .strictObject({
        dns: list(dnsRule, 'rules for DNS names')
          .exactOptional()
          .describe('`api.example.org`; `*.example.org` is one label more, `.example.org` one or more.'),
        ip: list(ipRule, 'rules for IP addresses')
          .exactOptional()
          .describe('`10.0.0.7`, or a prefix: `10.0.0.0/8`, `fd00::/8`.'),
        uri: list(uriRule, 'rules for URIs')
          .exactOptional()
          .describe('A whole URI, its beginning past the host and `*`, or a scheme as in `spiffe://*`.'),
      })
      .exactOptional()
      .describe('The names that can be had besides the own one. A kind without a list: any; an empty list: none.'),
    requesters: requestersSchema
      .exactOptional()
      .describe(
        'Which services with the role issuer may ask for which services and names: `{ service | role, services, dns, ip, uri }`. Absent: every one, for all that the profile gives; an empty list: none but administrators. A kind of name without a list: none.',
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
        'What the key is for: digitalSignature, and keyEncipherment of RSA keys and keyAgreement of EC keys where they stand here. When absent digitalSignature, and keyEncipherment of RSA keys.',
      ),
    backdate: duration('s', 0, 86_400).exactOptional().describe('`pki.backdate` when absent.'),
    publicationUrl: publicationUrl()
      .exactOptional()
      .describe('Where its list and its issuer are to be had; `pki.publicationUrl` when absent.'),
    noRevocation: flag()
      .exactOptional()
      .describe(
        'Nothing is published about its revocation: noRevAvail (RFC 9608) instead of the locations of CRL and OCSP. For a maximumLifetime up to 7d.',
      ),
    mustStaple: flag()
      .exactOptional()
      .describe('Clients insist on a stapled OCSP response (RFC 7633). For serverAuth, and not with noRevocation.'),
    pathLength: integer(0, 8)
      .exactOptional()
      .describe(
        'Of an intermediate CA: how many CAs may follow below it. Absent: what `veritas sign --path-length` says, 0 when that does not.',
      ),
    nameConstraints: z
      .strictObject({
        permit: list(subtree, 'subtrees').exactOptional().describe('What certificates below it may name.'),
        exclude: list(subtree, 'subtrees').exactOptional().describe('What they may not name.'),
      })
      .exactOptional()
      .describe('Of an intermediate CA (RFC 5280 §4.2.1.10). Absent: what `veritas sign --permit --exclude` says.'),
  })
  .superRefine((profile, context) => {
    for (const { path, allowed } of contradictionsOf(profile))
      context.addIssue({ code: 'custom', path: [...path], message: allowed });
  });
