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
        "The folder of the CA's private keys, encrypted PKCS#8. Certificates are written into the folder above it: with another one set `tls.certificateFile`, `tls.keyFile` and `tls.caFile` as well.",
      ),
    passphraseFile: path()
      .default('certs/ca/passphrase')
      .describe(
        'The file that holds the passphrase of those keys, or a descriptor or pipe that it comes through: `/dev/fd/3`.',
      ),
    keyType: oneOf(['P-256', 'P-384', 'Ed25519', 'RSA-2048', 'RSA-3072', 'RSA-4096'])
      .exactOptional()
      .describe(
        'What kind of key is made for a new CA, in a file; the CAs that there are keep theirs. P-256 when absent. For a token: `pkcs11.keyType`.',
      ),
    pkcs11: z
      .strictObject({
        module: path('the path of a shared library').describe(
          "With the four below: the CA's private keys are made and kept on a PKCS#11 token, by this module of the token's maker. Absent: in files.",
        ),
        token: text('the label of a token, 1 to 32 characters', /^\S(?:.*\S)?$/, 32).describe(
          'The label of the token.',
        ),
        pinFile: path().describe("The file that holds the PIN of the token's user."),
        keyLabelPrefix: text('1 to 64 letters, digits, dots, hyphens and underscores', /^[\w.-]+$/, 64)
          .exactOptional()
          .describe("What the labels of the keys begin with; the CA's name follows. `veritas-` when absent."),
        keyType: oneOf(['P-256', 'P-384', 'Ed25519', 'RSA-3072'])
          .exactOptional()
          .describe('What kind of key is made where there is none. P-256 when absent.'),
        packageDirectory: path('the path of a folder')
          .exactOptional()
          .describe(
            'A folder with the package pkcs11js in its node_modules, when that is not installed beside this program.',
          ),
      })
      .exactOptional()
      .describe('A PKCS#11 token for the private keys of the CA.'),
    organization: text('an organization name, 1 to 64 characters', /^\S(?:.*\S)?$/, 64)
      .default('VERITAS Framework')
      .describe("The organization (O) in the CA's own names."),
    crlLifetime: duration('s', 1, 31_536_000)
      .default(86_400)
      .describe('From `thisUpdate` to `nextUpdate` of a revocation list.'),
    crlOverlap: duration('s', 0, 31_536_000)
      .default(43_200)
      .describe('How long before `nextUpdate` the next revocation list is signed; less than `crlLifetime`.'),
    crlDeltaLifetime: duration('s', 0, 31_536_000)
      .default(0)
      .describe(
        'From `thisUpdate` to `nextUpdate` of a delta list: with one, the complete list is signed when it is time for it and the delta when something was revoked. 0: no deltas.',
      ),
    crlShards: integer(0, 1024)
      .default(0)
      .describe(
        'How many smaller lists the certificates that are issued from now on are spread over, each named in its certificates. 0 or 1: one list for all. Once there are shards they are kept up whatever this says.',
      ),
    ocsp: flag()
      .default(true)
      .describe(
        'Whether OCSP requests are answered, at `/ocsp` of the repository, and certificates issued from now on say so.',
      ),
    ocspLifetime: duration('s', 60, 604_800)
      .default(3600)
      .describe('From `thisUpdate` to `nextUpdate` of an OCSP response: how long a cache may keep it.'),
    ocspOverlap: duration('s', 0, 604_800)
      .default(900)
      .describe(
        'How long before `nextUpdate` an OCSP response that was kept is signed anew; less than `ocspLifetime`.',
      ),
    publicationUrl: publicationUrl()
      .default('http://localhost:5080')
      .describe(
        'Where clients reach the repository. It is written into each certificate (RFC 5280 §4.2.1.13, §4.2.2.1), so change it before issuing. Not https: fetching a list would need the list (RFC 5280 §8).',
      ),
    serviceLifetime: duration('s', 1, 315_360_000)
      .default(86_400)
      .describe('How long a service certificate is valid when nothing else is asked for.'),
    backdate: duration('s', 0, 86_400)
      .default(600)
      .describe('How far `notBefore` lies in the past, for peers whose clocks are behind.'),
    renewalGrace: duration('s', 0, 2_592_000)
      .default(0)
      .describe(
        'How long after its end a certificate can still be renewed with itself, and only that; 0s: not at all. Whoever finds an expired key within that time can renew it.',
      ),
    profiles: objects(profileSchema, '`{ name, kind, purposes, maximumLifetime, … }`: profiles of your own')
      .refine(
        (profiles) => new Set(profiles.map(({ name }) => name)).size === profiles.length,
        'profiles of different names',
      )
      .default([])
      .describe(
        'What certificates can be for, besides the profiles that are built in: `config/profiles.yaml` of the package. One of the same name goes before.',
      ),
    autoSetup: flag().default(true).describe('Whether development trust material is made at the first start.'),
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
