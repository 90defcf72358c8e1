import type * as z from 'zod';
import { isSubtreeWithin } from './name-rule.setting.js';
import type { profileSchema } from './profile.setting.js';

/** A profile whose fields are valid, each by itself. Lifetimes are in seconds. */
type Written = z.output<typeof profileSchema>;
type Kind = NonNullable<Written['kind']>;
type Field = keyof Written;

/** A field of a profile that contradicts another field. */
export interface Contradiction {
  readonly path: readonly (string | number)[];
  /** What would be allowed, as the end of the sentence "allowed is …". */
  readonly allowed: string;
}

const DAY = 86_400;
/**
 * For end entities the limit for TLS certificates before 2026 (CA/Browser Forum Baseline Requirements §6.3.2). A responder's certificate is not checked for
 * revocation, and so is limited to a month (RFC 6960 §4.2.2.2.1).
 */
const LONGEST_DAYS: Readonly<Record<Kind, number>> = {
  'end-entity': 398,
  intermediate: 3650,
  'ocsp-responder': 31,
  'crl-issuer': 398,
};
/** The lifetime of the certificates of the service's own responders. */
const OWN_RESPONDER_DAYS = 14;
/** The longest lifetime of a short-lived certificate (CA/Browser Forum Baseline Requirements §1.6.1). */
const LONGEST_UNREVOKED_DAYS = 7;

/** The kinds of keys that can be used for something besides signatures (RFC 3279 §2.3). */
const ABLE: readonly (readonly [
  usage: NonNullable<Written['keyUsages']>[number],
  keyTypes: NonNullable<Written['keyTypes']>,
])[] = [
  ['keyEncipherment', ['RSA']],
  ['keyAgreement', ['P-256', 'P-384', 'P-521']],
];

/** A leaf has a SPIFFE ID with a path (X509-SVID §3.1). */
const GIVES_SPIFFE_IDS = /^spiffe:\/\/(?:\*|[^/]+\/.)/;

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

/** All contradictions within a profile, at most one for each field. */
export function contradictionsOf(profile: Written): Contradiction[] {
  const { kind = 'end-entity' } = profile;
  const named = kindOfName(profile.name);
  if (named !== kind) {
    const allowed =
      kind === 'intermediate'
        ? 'intermediate with a name that is or begins with intermediate, as in intermediate-plant'
        : `${named} for the name ${profile.name}`;
    // The other fields would be compared with the rules of the wrong kind.
    return [{ path: ['kind'], allowed }];
  }
  const misplaced = Object.entries(ONLY_FOR).filter(([field, only]) => Object.hasOwn(profile, field) && only !== kind);
  const fields = misplaced.map(([field]) => field);
  // Fields that do not belong to the kind are reported once, and not compared any further.
  const rest = Object.fromEntries(Object.entries(profile).filter(([field]) => !fields.includes(field)));
  return [
    ...misplaced.map(([field, only]) => ({ path: [field], allowed: `nothing: it is for the kind ${only}` })),
    ...contradictionsWithin({ ...rest, name: profile.name }, kind),
  ];
}

/** What in a profile would keep the service's own responders from getting their certificates. Their keys are of the kind of the CA's (`P-256`, `RSA-3072` …). */
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

/** As {@link contradictionsOf}, for a profile that has only fields of its kind. */
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
  if (identity === 'spiffe' && names?.uri?.some((rule) => GIVES_SPIFFE_IDS.test(rule)) === false)
    refuse(['names', 'uri'], 'at least one rule that begins with spiffe:// and has a path or *, for identity: spiffe');
  const { permit = [], exclude = [] } = profile.nameConstraints ?? {};
  for (const [index, permitted] of permit.entries()) {
    const excluded = exclude.find((each) => isSubtreeWithin(permitted, each));
    if (excluded !== undefined)
      refuse(['nameConstraints', 'permit', index], `a subtree that is not within ${excluded}, which is excluded`);
  }
  return [...found.values()];
}

/** The kind of a profile with this name. The store tells by the profile's name what a certificate is for, and so some kinds have reserved names. */
function kindOfName(name: string): Kind {
  if (name === 'ocsp-responder' || name === 'crl-issuer') return name;
  return name === 'intermediate' || name.startsWith('intermediate-') ? 'intermediate' : 'end-entity';
}
