import { DecodeError } from '../../der/index.js';
import { comparableUri } from '../absolute-uri.js';
import type { CertificateList } from '../certificate-list.js';
import type { Certificate } from '../certificate.js';
import type { DistributionPoint, DistributionPointName, ReasonFlags } from '../distribution-point.js';
import { encodeGeneralName, type GeneralName } from '../general-name.js';
import { extendName, sameName, type Name } from '../name.js';
import { Oid } from '../oids.js';

/** Revocation reasons as bits 1–8 of ReasonFlags (RFC 5280 §4.2.1.13). */
type ReasonMask = number;
export const ALL_REASONS: ReasonMask = 0x1fe;

// They are asked for with each list, and what is made of their names is remembered by them.
const points = new WeakMap<Certificate, readonly DistributionPoint[]>();

/** The distribution points of a certificate: those that it names, then the implied one, which is its issuer by all its names (RFC 5280 §6.3.3). */
export function distributionPointsOf(certificate: Certificate): readonly DistributionPoint[] {
  let known = points.get(certificate);
  if (!known) points.set(certificate, (known = readDistributionPoints(certificate)));
  return known;
}

function readDistributionPoints({ issuer, extensions }: Certificate): DistributionPoint[] {
  const { issuerAltName = [] } = extensions;
  const implied: DistributionPoint = {
    distributionPoint: { fullName: [{ kind: 'directory', value: issuer }, ...issuerAltName] },
    reasons: undefined,
    crlIssuer: undefined,
  };
  return [...(extensions.crlDistributionPoints ?? []), implied];
}

/**
 * The reasons for which `crl` answers about `certificate` as a CRL of `point`: RFC 5280 §6.3.3 (b) and (d). It is 0 when the CRL is out of scope: of another
 * issuer without being indirect and named by the point, of another distribution point, or for certificates of another kind.
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
    if (!shareOne(keysOf(wanted), keysOf(offered))) return 0;
  }
  return reasons & maskOf(scope.onlySomeReasons);
}

/** Steps of work for one {@link reasonsInScope}: a point may have thousands of names. */
export const stepsFor = ({ distributionPoint, crlIssuer = [] }: DistributionPoint): number =>
  1 +
  (((distributionPoint && 'fullName' in distributionPoint ? distributionPoint.fullName.length : 0) +
    crlIssuer.length) >>
    4);

/** Whether a delta CRL has the scope of a complete one: the same issuingDistributionPoint, or neither has one (RFC 5280 §5.2.4, §6.3.3 (c)). */
export function sameScope(a: CertificateList, b: CertificateList): boolean {
  const [one, other] = [a, b].map(({ extensions }) => extensions.all.get(Oid.issuingDistributionPoint)?.value);
  return one && other ? Buffer.compare(one, other) === 0 : one === other;
}

// A point may have thousands of names, which are compared with those of each CRL.
const keys = new WeakMap<readonly GeneralName[], ReadonlySet<string>>();

/** A text for each name; equal names have equal texts. */
function keysOf(names: readonly GeneralName[]): ReadonlySet<string> {
  let known = keys.get(names);
  if (!known) keys.set(names, (known = new Set(names.map(keyOf))));
  return known;
}

function shareOne(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  const [few, many] = one.size < other.size ? [one, other] : [other, one];
  for (const key of few) if (many.has(key)) return true;
  return false;
}

const keyOf = (name: GeneralName): string => {
  if (name.kind === 'directory') return `directory ${name.value.key}`;
  if (name.kind === 'uri') return `uri ${comparableUri(name.value)}`;
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

// A name is put together in much more time than it is compared in.
const extended = new WeakMap<DistributionPointName, { readonly base: Name; readonly names: readonly GeneralName[] }>();

function fullNames(name: DistributionPointName, base: Name): readonly GeneralName[] {
  if ('fullName' in name) return name.fullName;
  const known = extended.get(name);
  if (known?.base === base) return known.names;
  const names = extendedNames(name, base);
  extended.set(name, { base, names });
  return names;
}

function extendedNames(
  name: Exclude<DistributionPointName, { readonly fullName: unknown }>,
  base: Name,
): readonly GeneralName[] {
  try {
    return [{ kind: 'directory', value: extendName(base, name.nameRelativeToCrlIssuer) }];
  } catch (error) {
    // It would have one RDN more than a name may have, so no name matches.
    if (error instanceof DecodeError) return [];
    throw error;
  }
}
