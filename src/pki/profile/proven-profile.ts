import { isSubtreeWithin, Oid, subtreeFromString, type GeneralName, type NameConstraints } from '../../x509/index.js';
import { NameRules, type NameRuleTexts } from './name-rules.js';
import { KEY_USAGES, PURPOSES, type NameConstraintTexts, type ProfileDefinition } from './profile-definition.js';
import {
  AUTHORITY_PROFILES,
  isIntermediateProfile,
  KEY_TYPES,
  type EndEntityProfile,
  type IntermediateProfile,
  type KeyUse,
} from './profile.js';
import { RequesterRules } from './requesters.js';

type Kind = NonNullable<ProfileDefinition['kind']>;

const DAY = 86_400;
const LONGEST_SERVICE = 90 * DAY;
/** The maximumLifetime of each kind when the definition has none. */
const USUAL_MAXIMUM: Readonly<Record<Exclude<Kind, 'end-entity'>, number>> = {
  intermediate: 1825 * DAY,
  'ocsp-responder': 31 * DAY,
  'crl-issuer': 398 * DAY,
};
// Nobody asks whether a responder is revoked, so its certificate is short-lived instead (RFC 6960 §4.2.2.2.1).
const LONGEST_RESPONDER = 31 * DAY;
// CA/Browser Forum Baseline Requirements §1.6.1: what is called short-lived.
const LONGEST_UNREVOKED = 7 * DAY;
const NO_OTHER_NAMES: NameRuleTexts = { dns: [], ip: [], uri: [] };
// A leaf has one with a path (X509-SVID §3.1).
const GIVES_SPIFFE_IDS = /^spiffe:\/\/(?:\*|[^/]+\/.)/;
const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const KEY_USES: Readonly<Record<Exclude<Kind, 'intermediate'>, KeyUse>> = {
  'end-entity': 'handshakes',
  'ocsp-responder': 'responses',
  'crl-issuer': 'lists',
};

/** Reads the profile of an end entity. Throws RangeError for a definition that contradicts itself. */
export function provenEndEntity(definition: ProfileDefinition, serviceLifetime: number): EndEntityProfile {
  const kind = kindOf(definition);
  if (kind === 'intermediate') throw contradiction(definition, 'it is the profile of a CA, not of an end entity');
  const { identity = 'service', noRevocation = false, mustStaple = false } = definition;
  const keyUse = KEY_USES[kind];
  const signsForTheCa = keyUse !== 'handshakes';
  const { lifetime, maximumLifetime } = lifetimesOf(definition, {
    maximum: kind === 'end-entity' ? Math.max(LONGEST_SERVICE, serviceLifetime) : USUAL_MAXIMUM[kind],
    usual: serviceLifetime,
  });
  const purposes = (definition.purposes ?? []).map((purpose) => PURPOSES[purpose]);
  const refuse = (why: string): never => {
    throw contradiction(definition, why);
  };
  if (signsForTheCa && (purposes.length > 0 || definition.names || definition.requesters || definition.keyUsages))
    refuse('a profile whose keys sign for the CA has no purposes, names, requesters or key usages of its own');
  if (!signsForTheCa && purposes.length === 0)
    refuse('it gives no purpose: what it certifies could be used for anything');
  if (keyUse === 'responses' && maximumLifetime > LONGEST_RESPONDER)
    refuse('a responder lives up to 31d: nobody asks whether it is revoked');
  if (identity === 'spiffe' && definition.names?.uri?.some((rule) => GIVES_SPIFFE_IDS.test(rule)) === false)
    refuse('it needs a SPIFFE ID and gives no such URI');
  if (noRevocation && maximumLifetime > LONGEST_UNREVOKED)
    refuse('noRevocation is for lifetimes up to 7d: nobody asks whether such a certificate is revoked');
  if (definition.keyUsages && !definition.keyUsages.includes('digitalSignature'))
    refuse('without the key usage digitalSignature nobody can authenticate with it');
  if (noRevocation && mustStaple)
    refuse('mustStaple asks for the OCSP response that noRevocation says there will never be');
  if (mustStaple && !purposes.includes(Oid.serverAuth))
    refuse('mustStaple is for servers: give the purpose serverAuth');
  return Object.freeze({
    kind: 'end-entity',
    name: definition.name,
    purposes: Object.freeze(keyUse === 'responses' ? [Oid.ocspSigning] : [...new Set(purposes)]),
    lifetime,
    maximumLifetime,
    ...keysOf(definition),
    identity,
    names: new NameRules(signsForTheCa ? NO_OTHER_NAMES : definition.names),
    requesters: signsForTheCa
      ? new RequesterRules([])
      : definition.requesters && new RequesterRules(definition.requesters),
    keyUse,
    keyUsages: definition.keyUsages?.map((usage) => KEY_USAGES[usage]),
    backdate: definition.backdate,
    publicationUrl: definition.publicationUrl,
    noRevocation,
    mustStaple,
  });
}

/** Reads the profile of a CA whose key is elsewhere. Throws RangeError for a definition that contradicts itself. */
export function provenIntermediate(definition: ProfileDefinition): IntermediateProfile {
  if (kindOf(definition) !== 'intermediate')
    throw contradiction(definition, 'it is the profile of an end entity, not of a CA');
  const { name, pathLength, nameConstraints, backdate, publicationUrl } = definition;
  if (pathLength !== undefined && (!Number.isInteger(pathLength) || pathLength < 0 || pathLength > 8))
    throw contradiction(definition, 'its pathLength is a whole number from 0 to 8');
  const maximum = USUAL_MAXIMUM.intermediate;
  return Object.freeze({
    name,
    ...lifetimesOf(definition, { maximum, usual: definition.maximumLifetime ?? maximum }),
    ...keysOf(definition),
    pathLenConstraint: pathLength,
    nameConstraints: nameConstraints && constraintsOf(definition, nameConstraints),
    backdate,
    publicationUrl,
  });
}

/** The kind of a definition, which its name says as well. Throws RangeError when they do not agree. */
export function kindOf(definition: ProfileDefinition): Kind {
  const { name, kind = 'end-entity' } = definition;
  if (!NAME.test(name) || AUTHORITY_PROFILES.has(name))
    throw contradiction(
      definition,
      'a name has 1 to 32 lower-case letters, digits and hyphens, and is not one of our CAs’',
    );
  const signs = name === 'ocsp-responder' || name === 'crl-issuer' ? name : undefined;
  const named = isIntermediateProfile(name) ? 'intermediate' : (signs ?? 'end-entity');
  if (kind !== named) throw contradiction(definition, `its name is one of the kind ${named}`);
  return kind;
}

function lifetimesOf(
  definition: ProfileDefinition,
  { maximum, usual }: { readonly maximum: number; readonly usual: number },
): Pick<EndEntityProfile, 'lifetime' | 'maximumLifetime'> {
  const { maximumLifetime = maximum } = definition;
  const lifetime = definition.lifetime ?? Math.min(usual, maximumLifetime);
  if (lifetime > maximumLifetime) throw contradiction(definition, 'its lifetime is longer than its maximumLifetime');
  return { lifetime, maximumLifetime };
}

function keysOf(definition: ProfileDefinition): Pick<EndEntityProfile, 'keyTypes' | 'minimumRsaBits'> {
  const { keyTypes = KEY_TYPES, minimumRsaBits } = definition;
  if (keyTypes.length === 0) throw contradiction(definition, 'its list of key types is empty');
  if (minimumRsaBits !== undefined && !keyTypes.includes('RSA'))
    throw contradiction(definition, 'minimumRsaBits is for RSA keys, and it takes none');
  return { keyTypes: new Set(keyTypes), minimumRsaBits: minimumRsaBits ?? 2048 };
}

function constraintsOf(
  definition: ProfileDefinition,
  { permit = [], exclude = [] }: NameConstraintTexts,
): NameConstraints | undefined {
  if (permit.length + exclude.length === 0) return undefined;
  const [permittedSubtrees, excludedSubtrees] = [permit.map(subtree), exclude.map(subtree)];
  const vain = permittedSubtrees.findIndex((each) => excludedSubtrees.some((other) => isSubtreeWithin(each, other)));
  if (vain >= 0) throw contradiction(definition, `it permits ${permit[vain] ?? ''}, which it excludes`);
  return { permittedSubtrees, excludedSubtrees };
}

function subtree(text: string): GeneralName {
  const base = subtreeFromString(text);
  if (!base) throw new RangeError(`${JSON.stringify(text)} is not a base of name constraints`);
  return base;
}

const contradiction = ({ name }: ProfileDefinition, why: string): RangeError =>
  new RangeError(`profile ${name}: ${why}`);
