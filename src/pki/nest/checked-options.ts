import {
  flag,
  func,
  isNumber,
  isTable,
  listOf,
  oneOf,
  only,
  optionsOfModule,
  text,
  type Check,
} from '../../options/index.js';
import { Store, type StoreOptions } from '../../store/index.js';
import type { AuthorityKeyType } from '../issuer/new-key.js';
import type { Pkcs11KeyType, Pkcs11Settings } from '../issuer/pkcs11-protocol.js';
import type { PkiSettings } from '../pki-settings.js';
import type { NameRuleTexts } from '../profile/name-rules.js';
import type { NameConstraintTexts, ProfileDefinition } from '../profile/profile-definition.js';
import type { RequesterRuleTexts } from '../profile/requesters.js';
import type { PkiModuleOptions } from './pki.module-definition.js';

const optionsOf = optionsOfModule('PkiModule');
const table = only('a table', isTable);
// With NaN no comparison holds, and a timer takes what is too large a number for a millisecond.
const seconds: Check = (value, at) => {
  if (!(isNumber(value) && value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new RangeError(`${at} is no number of seconds: ${String(value)}`);
};
const milliseconds: Check = (value, at) => {
  if (!(isNumber(value) && value > 0 && value < 2 ** 31))
    throw new RangeError(`${at} is no number of milliseconds: ${String(value)}`);
};
const wholeNumber = only('a whole number', (value) => Number.isSafeInteger(value) && (value as number) >= 0);
const texts = listOf(text);
const keyTypes: readonly AuthorityKeyType[] = ['P-256', 'P-384', 'Ed25519', 'RSA-2048', 'RSA-3072', 'RSA-4096'];
const tokenKeyTypes: readonly Pkcs11KeyType[] = ['P-256', 'P-384', 'Ed25519', 'RSA-3072'];

const nameRules = { dns: texts, ip: texts, uri: texts };
/** By names and kinds; what is in it is proven when the CA opens. */
const profile = optionsOf<ProfileDefinition>(
  {
    name: text,
    kind: text,
    purposes: texts,
    lifetime: seconds,
    maximumLifetime: seconds,
    keyTypes: texts,
    minimumRsaBits: wholeNumber,
    identity: text,
    names: optionsOf<NameRuleTexts>(nameRules),
    requesters: listOf(
      optionsOf<RequesterRuleTexts>({ ...nameRules, service: text, role: text, services: texts }, 'services'),
    ),
    keyUsages: texts,
    backdate: seconds,
    publicationUrl: text,
    noRevocation: flag,
    mustStaple: flag,
    pathLength: wholeNumber,
    nameConstraints: optionsOf<NameConstraintTexts>({ permit: texts, exclude: texts }),
  },
  'name',
);

const store = optionsOf<StoreOptions>({
  path: text,
  url: text,
  readOnly: flag,
  bare: flag,
  busyTimeout: milliseconds,
});

const check = optionsOf<PkiModuleOptions>(
  {
    settings: optionsOf<PkiSettings>(
      {
        directory: text,
        passphraseFile: text,
        keyType: oneOf(...keyTypes),
        pkcs11: optionsOf<Pkcs11Settings>(
          {
            module: text,
            token: text,
            pinFile: text,
            keyLabelPrefix: text,
            keyType: oneOf(...tokenKeyTypes),
            packageDirectory: text,
          },
          'module',
          'token',
          'pinFile',
        ),
        certsDirectory: text,
        crlDirectory: text,
        organization: text,
        crlLifetime: seconds,
        crlOverlap: seconds,
        ocsp: flag,
        ocspLifetime: seconds,
        ocspOverlap: seconds,
        crlDeltaLifetime: seconds,
        crlShards: wholeNumber,
        publicationUrl: text,
        serviceLifetime: seconds,
        profiles: listOf(profile),
        backdate: seconds,
        renewalGrace: seconds,
        policy: table,
        reservedNames: func,
      },
      'directory',
      'passphraseFile',
      'organization',
      'publicationUrl',
      'serviceLifetime',
      'backdate',
      'crlLifetime',
      'crlOverlap',
    ),
    authority: table,
    store: (value, at) => {
      if (!(value instanceof Store)) store(value, at);
    },
    events: table,
    pollInterval: milliseconds,
    create: flag,
    publishCrls: flag,
  },
  'settings',
  'store',
);

/**
 * Looks at options that came past the types, as from JavaScript or from the factory of `forRootAsync`. Throws TypeError for one that is missing, unknown or of
 * another kind, and RangeError for a time that is none.
 */
export function checkOptions(options: Partial<PkiModuleOptions> = {}): void {
  check(options, '');
}
