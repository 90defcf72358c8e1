import { Oid } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';
import { NameRules, type NameRuleTexts } from './name-rules.js';
import { KEY_TYPES, type EndEntityProfile, type KeyType } from './profile.js';

/** The purposes that a profile can give (RFC 5280 §4.2.1.12). */
export const PURPOSES = {
  serverAuth: Oid.serverAuth,
  clientAuth: Oid.clientAuth,
} as const;
export type Purpose = keyof typeof PURPOSES;

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
}

const DAY = 86_400;
// CA/Browser Forum Baseline Requirements §6.3.2 before 2026: the longest that TLS clients accept.
const LONGEST_TLS = 398 * DAY;
const LONGEST_SERVICE = 90 * DAY;
const NAME = /^[a-z][a-z0-9-]{0,31}$/;
/** Names of a CA's own profiles, or that another room gives a meaning. */
const TAKEN: ReadonlySet<string> = new Set(['root', 'issuing', 'intermediate', 'ocsp-responder', 'crl-issuer']);

/** Every profile that end entities' certificates can have: those that are built in, and the operator's own, which go before. */
export class Profiles {
  readonly #byName = new Map<string, EndEntityProfile>();

  /** Throws RangeError for a definition that contradicts itself. */
  constructor(definitions: readonly ProfileDefinition[], serviceLifetime: number) {
    const longestService = Math.max(LONGEST_SERVICE, serviceLifetime);
    const builtIn: readonly ProfileDefinition[] = [
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
    ];
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

function proven(definition: ProfileDefinition, serviceLifetime: number): EndEntityProfile {
  const { name, purposes, maximumLifetime, identity = 'service', minimumRsaBits = 2048 } = definition;
  const lifetime = definition.lifetime ?? Math.min(serviceLifetime, maximumLifetime);
  const refuse = (why: string): never => {
    throw new RangeError(`profile ${name}: ${why}`);
  };
  if (!NAME.test(name) || TAKEN.has(name))
    refuse('a name has 1 to 32 lower-case letters, digits and hyphens, and is not one of a CA');
  if (purposes.length === 0) refuse('it gives no purpose: what it certifies could be used for anything');
  if (lifetime > maximumLifetime) refuse('its lifetime is longer than its maximumLifetime');
  if (definition.keyTypes?.length === 0) refuse('it takes no kind of key');
  if (identity === 'spiffe' && definition.names?.uri?.length === 0) refuse('it needs a SPIFFE ID and gives no URI');
  return Object.freeze({
    kind: 'end-entity',
    name,
    purposes: Object.freeze([...new Set(purposes)].map((purpose) => PURPOSES[purpose])),
    lifetime,
    maximumLifetime,
    keyTypes: new Set(definition.keyTypes ?? KEY_TYPES),
    minimumRsaBits,
    identity,
    names: new NameRules(definition.names),
  });
}
