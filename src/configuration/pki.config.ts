import * as z from 'zod';
import { againstOwnResponders } from './profile-contradictions.js';
import { profileSchema } from './profile.setting.js';
import { publicationUrl } from './publication-url.setting.js';
import { duration, flag, integer, objects, oneOf, path, text, whenObject } from './setting.js';

/** The certification authority. */
export const pkiSchema = z
  .strictObject({
    directory: path('the path of a folder')
      .default('certs/ca')
      .describe(
        "The folder of the CA's private keys, encrypted PKCS#8. The CA writes its certificates into the parent folder: when you change this setting, change `tls.certificateFile`, `tls.keyFile` and `tls.caFile` as well.",
      ),
    passphraseFile: path()
      .default('certs/ca/passphrase')
      .describe(
        'The file that holds the passphrase of these keys, or a descriptor or pipe to read it from, such as `/dev/fd/3`.',
      ),
    keyType: oneOf(['P-256', 'P-384', 'Ed25519', 'RSA-2048', 'RSA-3072', 'RSA-4096'])
      .exactOptional()
      .describe(
        'The kind of key for a new CA whose key is in a file; existing CAs keep their keys. P-256 when absent. For a token set `pkcs11.keyType` instead.',
      ),
    pkcs11: z
      .strictObject({
        module: path('the path of a shared library').describe(
          "The path of the PKCS#11 module, the shared library of the token's vendor. With `module`, `token` and `pinFile` the CA's private keys are created and kept on the token; otherwise in files.",
        ),
        token: text('the label of a token, 1 to 32 characters', /^\S(?:.*\S)?$/, 32).describe(
          'The label of the token.',
        ),
        pinFile: path().describe('The file that holds the user PIN of the token.'),
        keyLabelPrefix: text('1 to 64 letters, digits, dots, hyphens and underscores', /^[\w.-]+$/, 64)
          .exactOptional()
          .describe('The prefix of the labels of the keys, before the name of the CA. `veritas-` when absent.'),
        keyType: oneOf(['P-256', 'P-384', 'Ed25519', 'RSA-3072'])
          .exactOptional()
          .describe('The kind of key for a new CA. P-256 when absent.'),
        packageDirectory: path('the path of a folder')
          .exactOptional()
          .describe(
            'A folder whose node_modules contains the package pkcs11js, when it is not installed next to this program.',
          ),
      })
      .exactOptional()
      .describe('A PKCS#11 token for the private keys of the CA.'),
    organization: text('an organization name, 1 to 64 characters', /^\S(?:.*\S)?$/, 64)
      .default('VERITAS Framework')
      .describe("The organization (O) in the CA's own names."),
    crlLifetime: duration('s', 1, 31_536_000)
      .default(86_400)
      .describe('The time from `thisUpdate` to `nextUpdate` of a revocation list.'),
    crlOverlap: duration('s', 0, 31_536_000)
      .default(43_200)
      .describe('How long before `nextUpdate` the next revocation list is signed; less than `crlLifetime`.'),
    crlDeltaLifetime: duration('s', 0, 31_536_000)
      .default(0)
      .describe(
        'The time from `thisUpdate` to `nextUpdate` of a delta list. With deltas, a revocation only causes a new delta, and the complete list is signed when it is due. 0: no deltas.',
      ),
    crlShards: integer(0, 1024)
      .default(0)
      .describe(
        'The number of shards: smaller revocation lists that newly issued certificates are spread over. Each certificate names its shard. 0 or 1: one list for all. Existing shards are kept up to date whatever this setting says.',
      ),
    ocsp: flag()
      .default(true)
      .describe(
        'Whether the repository answers OCSP requests at `/ocsp`, and newly issued certificates name that address.',
      ),
    ocspLifetime: duration('s', 60, 604_800)
      .default(3600)
      .describe('The time from `thisUpdate` to `nextUpdate` of an OCSP response: how long a cache may keep it.'),
    ocspOverlap: duration('s', 0, 604_800)
      .default(900)
      .describe(
        'How long before `nextUpdate` a kept OCSP response is replaced by a new one; less than `ocspLifetime`.',
      ),
    publicationUrl: publicationUrl()
      .default('http://localhost:5080')
      .describe(
        'Where clients reach the repository. It is written into each certificate (RFC 5280 §4.2.1.13, §4.2.2.1), so change it before issuing. Not https: fetching a list would need the list (RFC 5280 §8).',
      ),
    serviceLifetime: duration('s', 1, 315_360_000)
      .default(86_400)
      .describe('How long a service certificate is valid when the request names no lifetime.'),
    backdate: duration('s', 0, 86_400)
      .default(600)
      .describe('How far `notBefore` lies in the past, for peers whose clocks are behind.'),
    renewalGrace: duration('s', 0, 2_592_000)
      .default(0)
      .describe(
        'How long after it expired a certificate can still be used to renew itself, and for nothing else. 0s: not at all. Anyone who obtains the key of an expired certificate within that time can renew it.',
      ),
    profiles: objects(profileSchema, '`{ name, kind, purposes, maximumLifetime, … }`: profiles of your own')
      .refine(
        (profiles) => new Set(profiles.map(({ name }) => name)).size === profiles.length,
        'profiles of different names',
      )
      .default([])
      .describe(
        'Certificate profiles, in addition to the built-in ones in `config/profiles.yaml` of the package. A profile with the name of a built-in one replaces it.',
      ),
    autoSetup: flag().default(true).describe('Whether the first start creates CAs and certificates for development.'),
  })
  .refine(({ crlOverlap, crlLifetime }) => !(crlOverlap >= crlLifetime), {
    path: ['crlOverlap'],
    message: 'less than pki.crlLifetime',
    when: whenObject,
  })
  .refine(({ ocspOverlap, ocspLifetime }) => !(ocspOverlap >= ocspLifetime), {
    path: ['ocspOverlap'],
    message: 'less than pki.ocspLifetime',
    when: whenObject,
  })
  .superRefine(({ ocsp, profiles }, context) => {
    for (const [index, { mustStaple }] of profiles.entries())
      if (mustStaple === true && !ocsp)
        context.addIssue({
          code: 'custom',
          path: ['profiles', index, 'mustStaple'],
          message: 'not with pki.ocsp: false: there would be no response to staple',
        });
  })
  .superRefine(({ ocsp, profiles, keyType, pkcs11 }, context) => {
    const index = profiles.findIndex(({ name }) => name === 'ocsp-responder');
    const profile = profiles[index];
    if (!ocsp || !profile) return;
    for (const { path, allowed } of againstOwnResponders(profile, pkcs11?.keyType ?? keyType ?? 'P-256'))
      context.addIssue({ code: 'custom', path: ['profiles', index, ...path], message: allowed });
  })
  .refine(({ keyType, pkcs11 }) => keyType === undefined || pkcs11 === undefined, {
    path: ['keyType'],
    message: 'pki.pkcs11.keyType instead: the keys are on a token',
    when: whenObject,
  });
