import { KeyUsage, Oid } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import { NameRules, type NameRuleTexts } from './name-rules.js';
import { RequesterRules, type RequesterRuleTexts } from './requesters.js';
import { KEY_TYPES, type EndEntityProfile, type KeyType, type KeyUse } from './profile.js';

/** The purposes that a profile can give (RFC 5280 §4.2.1.12). */
export const PURPOSES = {
  serverAuth: Oid.serverAuth,
  clientAuth: Oid.clientAuth,
} as const;
export type Purpose = keyof typeof PURPOSES;

/** The key usages that a profile for handshakes can give (RFC 5280 §4.2.1.3). */
export const KEY_USAGES = {
  digitalSignature: KeyUsage.digitalSignature,
  keyEncipherment: KeyUsage.keyEncipherment,
  keyAgreement: KeyUsage.keyAgreement,
} as const;
export type KeyUsageName = keyof typeof KEY_USAGES;

/** A profile as an operator writes it. Lifetimes in seconds. */
export interface ProfileDefinition {
  readonly name: string;
  readonly purposes: readonly Purpose[];
  /** `pki.serviceLifetime` when absent, or `maximumLifetime` when that is less. */
  readonly lifetime?: number | undefined;
  readonly maximumLifetime: number;
  /** Every kind when absent. */
  readonly keyTypes?: readonly KeyType[] | undefined;
  readonly minimumRsaBits?: number | undefined;
  readonly identity?: EndEntityProfile['identity'] | undefined;
  readonly names?: NameRuleTexts | undefined;
  /** See {@link EndEntityProfile.requesters}. */
  readonly requesters?: readonly RequesterRuleTexts[] | undefined;
  /** Digital signatures always; more only where the kind of key can do it. What the kind of key is usually for when absent. */
  readonly keyUsages?: readonly KeyUsageName[] | undefined;
  /** `pki.backdate` when absent. */
  readonly backdate?: number | undefined;
  /** `pki.publicationUrl` when absent. */
  readonly publicationUrl?: string | undefined;
  /** noRevAvail (RFC 9608), for lifetimes up to a week; false when absent. */
  readonly noRevocation?: boolean | undefined;
  /** RFC 7633, for servers; false when absent. */
  readonly mustStaple?: boolean | undefined;
}

/** As {@link ProfileDefinition}, of those that are built in: only these sign anything but handshakes. */
interface BuiltInDefinition extends Omit<ProfileDefinition, 'purposes'> {
  readonly purposes: readonly (Purpose | 'OCSPSigning')[];
  readonly keyUse?: KeyUse;
}

const DAY = 86_400;
// CA/Browser Forum Baseline Requirements §6.3.2 before 2026: the longest that TLS clients accept.
const LONGEST_TLS = 398 * DAY;
const LONGEST_SERVICE = 90 * DAY;
// Nobody asks whether a responder is revoked: it lives shortly instead (RFC 6960 §4.2.2.2.1).
const LONGEST_RESPONDER = 31 * DAY;
// CA/Browser Forum Baseline Requirements §1.6.1: what is called short-lived.
const LONGEST_UNREVOKED = 7 * DAY;
const NO_OTHER_NAMES: NameRuleTexts = { dns: [], ip: [], uri: [] };
const NAME = /^[a-z][a-z0-9-]{0,31}$/;
/** Names of a CA's own profiles, or that another room gives a meaning. */
const TAKEN: ReadonlySet<string> = new Set([
  'root',
  'issuing',
  'cross',
  'intermediate',
  'ocsp-responder',
  'crl-issuer',
]);

/** Every profile that end entities' certificates can have: those that are built in, and the operator's own, which go before. */
export class Profiles {
  readonly #byName = new Map<string, EndEntityProfile>();

  /** Throws RangeError for a definition that contradicts itself. */
  constructor(definitions: readonly ProfileDefinition[], serviceLifetime: number) {
    const longestService = Math.max(LONGEST_SERVICE, serviceLifetime);
    const builtIn: readonly BuiltInDefinition[] = [
      { name: 'server', purposes: ['serverAuth'], maximumLifetime: LONGEST_TLS },
      { name: 'client', purposes: ['clientAuth'], maximumLifetime: LONGEST_TLS },
      { name: 'service', purposes: ['serverAuth', 'clientAuth'], maximumLifetime: longestService },
      {
        name: 'spiffe',
        purposes: ['serverAuth', 'clientAuth'],
        maximumLifetime: longestService,
        identity: 'spiffe',
        names: { dns: [], ip: [], uri: ['spiffe://*'] },
      },
      {
        name: 'ocsp-responder',
        purposes: ['OCSPSigning'],
        maximumLifetime: LONGEST_RESPONDER,
        names: NO_OTHER_NAMES,
        requesters: [],
        keyUse: 'responses',
      },
      {
        name: 'crl-issuer',
        purposes: [],
        maximumLifetime: LONGEST_TLS,
        names: NO_OTHER_NAMES,
        requesters: [],
        keyUse: 'lists',
      },
    ];
    for (const definition of definitions) checkOwn(definition);
    for (const definition of [...builtIn, ...definitions])
      this.#byName.set(definition.name, proven(definition, serviceLifetime));
    if (new Set(definitions.map(({ name }) => name)).size !== definitions.length)
      throw new RangeError('two profiles have the same name');
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /** Throws PkiError `profile_unknown`. */
  named(name: string): EndEntityProfile {
    const profile = this.#byName.get(name);
    if (!profile)
      throw new PkiError(
        'profile_unknown',
        `there is no profile ${JSON.stringify(name.slice(0, 64))}, only ${this.names.join(', ')}`,
      );
    return profile;
  }
}

/** What holds for profiles of the operator's own alone. */
function checkOwn({ name, purposes }: ProfileDefinition): void {
  if (!NAME.test(name) || TAKEN.has(name))
    throw new RangeError(
      `profile ${name}: a name has 1 to 32 lower-case letters, digits and hyphens, and is not one of a CA`,
    );
  if (purposes.length === 0)
    throw new RangeError(`profile ${name}: it gives no purpose: what it certifies could be used for anything`);
}

function proven(definition: BuiltInDefinition, serviceLifetime: number): EndEntityProfile {
  const { name, purposes, maximumLifetime, identity = 'service', minimumRsaBits = 2048 } = definition;
  const { noRevocation = false, mustStaple = false, keyUse = 'handshakes' } = definition;
  const lifetime = definition.lifetime ?? Math.min(serviceLifetime, maximumLifetime);
  const refuse = (why: string): never => {
    throw new RangeError(`profile ${name}: ${why}`);
  };
  if (lifetime > maximumLifetime) refuse('its lifetime is longer than its maximumLifetime');
  if (definition.keyTypes?.length === 0) refuse('it takes no kind of key');
  if (definition.minimumRsaBits !== undefined && definition.keyTypes?.includes('RSA') === false)
    refuse('minimumRsaBits is for RSA keys, and it takes none');
  if (identity === 'spiffe' && definition.names?.uri?.some((rule) => rule.startsWith('spiffe://')) === false)
    refuse('it needs a SPIFFE ID and gives no such URI');
  if (noRevocation && maximumLifetime > LONGEST_UNREVOKED)
    refuse('noRevocation is for lifetimes up to 7d: nobody asks whether such a certificate is revoked');
  if (definition.keyUsages && !definition.keyUsages.includes('digitalSignature'))
    refuse('without the key usage digitalSignature nobody can authenticate with it');
  if (noRevocation && mustStaple)
    refuse('mustStaple asks for the OCSP response that noRevocation says there will never be');
  if (mustStaple && !purposes.includes('serverAuth')) refuse('mustStaple is for servers: give the purpose serverAuth');
  return Object.freeze({
    kind: 'end-entity',
    name,
    purposes: Object.freeze(
      [...new Set(purposes)].map((purpose) => (purpose === 'OCSPSigning' ? Oid.ocspSigning : PURPOSES[purpose])),
    ),
    lifetime,
    maximumLifetime,
    keyTypes: new Set(definition.keyTypes ?? KEY_TYPES),
    minimumRsaBits,
    identity,
    names: new NameRules(definition.names),
    requesters: definition.requesters && new RequesterRules(definition.requesters),
    keyUse,
    keyUsages: definition.keyUsages?.map((usage) => KEY_USAGES[usage]),
    backdate: definition.backdate,
    publicationUrl: definition.publicationUrl,
    noRevocation,
    mustStaple,
  });
}
