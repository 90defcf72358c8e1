import { z } from 'zod';
import { profileSchema } from './profile.setting.js';
import { duration, flag, objects, path, text, whenObject } from './setting.js';

/** The certification authority. */
export const pkiSchema = z
  .strictObject({
    directory: path('the path of a folder')
      .default('certs/ca')
      .describe("The folder of the CA's private keys, encrypted PKCS#8."),
    passphraseFile: path().default('certs/ca/passphrase').describe('The file that holds the passphrase of those keys.'),
    organization: text('an organization name, 1 to 64 characters', /^\S(?:.*\S)?$/, 64)
      .default('VERITAS Framework')
      .describe("The organization (O) in the CA's own names."),
    crlLifetime: duration('s', 1, 31_536_000)
      .default(86_400)
      .describe('From `thisUpdate` to `nextUpdate` of a revocation list.'),
    crlOverlap: duration('s', 0, 31_536_000)
      .default(43_200)
      .describe('How long before `nextUpdate` the next revocation list is signed; less than `crlLifetime`.'),
    publicationUrl: text(
      'an http URL without user, query, fragment and trailing slash',
      /^http:\/\/[^\s/@?#]+(?:\/[^\s@?#]*[^\s/@?#])?$/,
    )
      .refine((url) => URL.canParse(url), 'an http URL')
      .default('http://localhost:5080')
      .describe(
        'Where clients reach the repository. It is written into each certificate (RFC 5280 §4.2.1.13, §4.2.2.1), so change it before issuing. Not https: fetching a list would need the list (RFC 5280 §8).',
      ),
    serviceLifetime: duration('s', 1, 315_360_000)
      .default(86_400)
      .describe('How long a service certificate is valid when nothing else is asked for.'),
    backdate: duration('s', 0, 86_400)
      .default(60)
      .describe('How far `notBefore` lies in the past, for clients whose clock is behind.'),
    profiles: objects(profileSchema, '`{ name, purposes, maximumLifetime, … }`: profiles of your own')
      .refine(
        (profiles) => new Set(profiles.map(({ name }) => name)).size === profiles.length,
        'profiles of different names',
      )
      .default([])
      .describe('What certificates can be for, besides `server`, `client`, `service` and `spiffe`.'),
    autoSetup: flag().default(true).describe('Whether development trust material is made at the first start.'),
  })
  .refine(({ crlOverlap, crlLifetime }) => !(crlOverlap >= crlLifetime), {
    path: ['crlOverlap'],
    message: 'less than pki.crlLifetime',
    when: whenObject,
  });
