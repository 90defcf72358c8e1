import { DecodeError } from '../../der/index.js';
import type { CertificateList } from '../certificate-list.js';
import type { Certificate } from '../certificate.js';
import type { DistributionPoint, DistributionPointName, ReasonFlags } from '../distribution-point.js';
import { encodeGeneralName, type GeneralName } from '../general-name.js';
import { extendName, sameName, type Name } from '../name.js';
import { Oid } from '../oids.js';

/** Revocation reasons as bits 1–8 of ReasonFlags (RFC 5280 §4.2.1.13). */
type ReasonMask = number;
export const ALL_REASONS: ReasonMask = 0x1fe;

/** The points where a certificate's CRLs are: those it names, and last the one that is always implied, its issuer by all its names (RFC 5280 §6.3.3). */
export function distributionPointsOf({ issuer, extensions }: Certificate): DistributionPoint[] {
  const { issuerAltName = [] } = extensions;
  const implied: DistributionPoint = {
    distributionPoint: { fullName: [{ kind: 'directory', value: issuer }, ...issuerAltName] },
    reasons: undefined,
    crlIssuer: undefined,
  };
  return [...(extensions.crlDistributionPoints ?? []), implied];
}

/**
 * The reasons for which `crl` answers about `certificate` when it is looked for at `point`: RFC 5280 §6.3.3 (b) and (d). 0 when the CRL is out of scope:
 * another issuer's without being named and indirect, another distribution point's, or for certificates of another sort.
 */
export function reasonsInScope(crl: CertificateList, point: DistributionPoint, certificate: Certificate): ReasonMask {
  const scope = crl.extensions.issuingDistributionPoint;
  if (point.crlIssuer) {
    if (
      !scope?.indirectCrl ||
      !point.crlIssuer.some((name) => name.kind === 'directory' && sameName(name.value, crl.issuer))
    )
      return 0;
  } else if (!sameName(crl.issuer, certificate.issuer)) return 0;
  const reasons = maskOf(point.reasons);
  if (!scope) return reasons;
  const isCa = certificate.extensions.basicConstraints?.cA === true;
  if (scope.onlyContainsAttributeCerts || (isCa ? scope.onlyContainsUserCerts : scope.onlyContainsCaCerts)) return 0;
  if (scope.distributionPoint) {
    const offered = fullNames(scope.distributionPoint, crl.issuer);
    const wanted = point.distributionPoint
      ? fullNames(point.distributionPoint, relativeBase(point, certificate))
      : (point.crlIssuer ?? []);
    const named = keysOf(offered);
    if (![...keysOf(wanted)].some((key) => named.has(key))) return 0;
  }
  return reasons & maskOf(scope.onlySomeReasons);
}

/** Whether a delta CRL has the scope of a complete one: the same issuingDistributionPoint, or neither has one (RFC 5280 §5.2.4, §6.3.3 (c)). */
export function sameScope(a: CertificateList, b: CertificateList): boolean {
  const [one, other] = [a, b].map(({ extensions }) => extensions.all.get(Oid.issuingDistributionPoint)?.value);
  return one && other ? Buffer.compare(one, other) === 0 : one === other;
}

// A point may have thousands of names, and each is compared with those of each CRL.
const keys = new WeakMap<readonly GeneralName[], ReadonlySet<string>>();

/** The names as texts, equal for equal names. */
function keysOf(names: readonly GeneralName[]): ReadonlySet<string> {
  let known = keys.get(names);
  if (!known) keys.set(names, (known = new Set(names.map(keyOf))));
  return known;
}

const keyOf = (name: GeneralName): string => {
  if (name.kind === 'directory') return `directory ${name.value.key}`;
  // Most are URIs, and an octet is a character of theirs.
  if (name.kind === 'uri') return `uri ${name.value}`;
  return `other ${Buffer.from(encodeGeneralName(name)).toString('latin1')}`;
};

function maskOf(reasons: ReasonFlags | undefined): ReasonMask {
  if (!reasons) return ALL_REASONS;
  let mask = 0;
  for (const bit of reasons) mask |= 1 << bit;
  return mask & ALL_REASONS;
}

const relativeBase = (point: DistributionPoint, certificate: Certificate): Name =>
  point.crlIssuer?.find((name) => name.kind === 'directory')?.value ?? certificate.issuer;

function fullNames(name: DistributionPointName, base: Name): readonly GeneralName[] {
  if ('fullName' in name) return name.fullName;
  try {
    return [{ kind: 'directory', value: extendName(base, name.nameRelativeToCrlIssuer) }];
  } catch (error) {
    // One RDN more than a name may have: nothing is there.
    if (error instanceof DecodeError) return [];
    throw error;
  }
}
