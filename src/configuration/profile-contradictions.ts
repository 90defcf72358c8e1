import type * as z from 'zod';
import { isSubtreeWithin } from './name-rule.setting.js';
import type { profileSchema } from './profile.setting.js';

/** What a profile says, before what it says is compared with itself. Lifetimes in seconds. */
type Written = z.output<typeof profileSchema>;
type Kind = NonNullable<Written['kind']>;
type Field = keyof Written;

/** One thing in a profile that goes against another one. */
export interface Contradiction {
  readonly path: readonly (string | number)[];
  /** What would be right, as the end of the sentence "allowed is …". */
  readonly allowed: string;
}

const DAY = 86_400;
/** CA/Browser Forum Baseline Requirements §6.3.2 before 2026 for TLS; a responder, about which nobody asks, a month (RFC 6960 §4.2.2.2.1). */
const LONGEST_DAYS: Readonly<Record<Kind, number>> = {
  'end-entity': 398,
  intermediate: 3650,
  'ocsp-responder': 31,
  'crl-issuer': 398,
};
/** How long the certificates of the service's own responders last. */
const OWN_RESPONDER_DAYS = 14;
/** CA/Browser Forum Baseline Requirements §1.6.1: what is called short-lived. */
const LONGEST_UNREVOKED_DAYS = 7;

/** Which kinds of keys have a use besides signatures (RFC 3279 §2.3). */
const ABLE: readonly (readonly [
  usage: NonNullable<Written['keyUsages']>[number],
  keyTypes: NonNullable<Written['keyTypes']>,
])[] = [
  ['keyEncipherment', ['RSA']],
  ['keyAgreement', ['P-256', 'P-384', 'P-521']],
];

const ONLY_FOR: Readonly<Partial<Record<Field, Kind>>> = {
  purposes: 'end-entity',
  identity: 'end-entity',
  names: 'end-entity',
  requesters: 'end-entity',
  keyUsages: 'end-entity',
  noRevocation: 'end-entity',
  mustStaple: 'end-entity',
  pathLength: 'intermediate',
  nameConstraints: 'intermediate',
};

/** Everything in a profile that contradicts something else in it, one for each place. */
export function contradictionsOf(profile: Written): Contradiction[] {
  const { kind = 'end-entity' } = profile;
  const named = kindOfName(profile.name);
  if (named !== kind) {
    const allowed =
      kind === 'intermediate'
        ? 'intermediate with a name that is or begins with intermediate, as in intermediate-plant'
        : `${named} for the name ${profile.name}`;
    // The rest would be measured by a kind that it is not of.
    return [{ path: ['kind'], allowed }];
  }
  const misplaced = Object.entries(ONLY_FOR).filter(([field, only]) => Object.hasOwn(profile, field) && only !== kind);
  const fields = misplaced.map(([field]) => field);
  // What has no place there contradicts nothing besides.
  const rest = Object.fromEntries(Object.entries(profile).filter(([field]) => !fields.includes(field)));
  return [
    ...misplaced.map(([field, only]) => ({ path: [field], allowed: `nothing: it is for the kind ${only}` })),
    ...contradictionsWithin({ ...rest, name: profile.name }, kind),
  ];
}

/** What would keep the responders of this service itself from getting their certificates, whose keys are of the CA's kind: `P-256`, `RSA-3072` and the like. */
export function againstOwnResponders(
  { maximumLifetime = Infinity, keyTypes, minimumRsaBits = 0 }: Written,
  keyType: string,
): Contradiction[] {
  const bits = /^RSA-(\d+)$/.exec(keyType)?.[1];
  const type = bits === undefined ? keyType : 'RSA';
  const why = 'as the keys of the responders here are, unless pki.ocsp: false';
  return [
    maximumLifetime < OWN_RESPONDER_DAYS * DAY
      ? [
          {
            path: ['maximumLifetime'],
            allowed: `at least ${OWN_RESPONDER_DAYS}d, which the responders here have, unless pki.ocsp: false`,
          },
        ]
      : [],
    keyTypes?.some((each) => each === type) === false
      ? [{ path: ['keyTypes'], allowed: `${type} among them, ${why}` }]
      : [],
    minimumRsaBits > Number(bits ?? Infinity)
      ? [{ path: ['minimumRsaBits'], allowed: `at most ${bits ?? ''}, ${why}` }]
      : [],
  ].flat();
}

/** As {@link contradictionsOf}, between fields that the kind has. */
function contradictionsWithin(profile: Written, kind: Kind): Contradiction[] {
  const { lifetime, maximumLifetime, noRevocation, mustStaple, identity, names } = profile;
  const found = new Map<string, Contradiction>();
  const refuse = (path: Contradiction['path'], allowed: string): void => {
    const before = found.get(path.join('.'));
    found.set(path.join('.'), { path, allowed: before ? `${before.allowed}, and ${allowed}` : allowed });
  };
  if (kind === 'end-entity' && profile.purposes === undefined)
    refuse(['purposes'], 'a list of purposes, at least 1: without one it could be used for anything');
  if (maximumLifetime !== undefined && maximumLifetime > LONGEST_DAYS[kind] * DAY)
    refuse(['maximumLifetime'], `at most ${LONGEST_DAYS[kind]}d for the kind ${kind}`);
  if (lifetime !== undefined && maximumLifetime === undefined) refuse(['lifetime'], 'only with a maximumLifetime');
  if (lifetime !== undefined && maximumLifetime !== undefined && lifetime > maximumLifetime)
    refuse(['lifetime'], 'at most maximumLifetime');
  if (noRevocation === true && (maximumLifetime ?? Infinity) > LONGEST_UNREVOKED_DAYS * DAY)
    refuse(['noRevocation'], `only with a maximumLifetime up to ${LONGEST_UNREVOKED_DAYS}d`);
  if (mustStaple === true && noRevocation === true) refuse(['mustStaple'], 'not with noRevocation');
  if (mustStaple === true && profile.purposes?.includes('serverAuth') === false)
    refuse(['mustStaple'], 'only with the purpose serverAuth');
  if (profile.minimumRsaBits !== undefined && profile.keyTypes?.includes('RSA') === false)
    refuse(['minimumRsaBits'], 'only with RSA among keyTypes');
  const { keyTypes, keyUsages } = profile;
  for (const [usage, able] of ABLE)
    if (keyUsages?.includes(usage) && keyTypes?.some((type) => able.includes(type)) === false)
      refuse(['keyUsages'], `${usage} only with ${able.join(', ')} among keyTypes`);
  if (identity === 'spiffe' && names?.uri?.some((rule) => rule.startsWith('spiffe://')) === false)
    refuse(['names', 'uri'], 'at least one rule that begins with spiffe://, for identity: spiffe');
  const { permit = [], exclude = [] } = profile.nameConstraints ?? {};
  for (const [index, permitted] of permit.entries()) {
    const excluded = exclude.find((each) => isSubtreeWithin(permitted, each));
    if (excluded !== undefined)
      refuse(['nameConstraints', 'permit', index], `a subtree that is not within ${excluded}, which is excluded`);
  }
  return [...found.values()];
}

/** The store knows by its profile's name what a certificate is: a kind that the rest of the program looks for has names of its own. */
function kindOfName(name: string): Kind {
  if (name === 'ocsp-responder' || name === 'crl-issuer') return name;
  return name === 'intermediate' || name.startsWith('intermediate-') ? 'intermediate' : 'end-entity';
}
