import { context, contextConstructed, Tag, write, type DerReader } from '../der/index.js';
import { decodeGeneralNames, encodeGeneralName, type GeneralName } from './general-name.js';
import { decodeRdn, type RelativeDistinguishedName } from './name.js';

/** DistributionPointName (RFC 5280 §4.2.1.13): whole names, or one RDN that follows the CRL issuer's name. */
export type DistributionPointName =
  { readonly fullName: readonly GeneralName[] } | { readonly nameRelativeToCrlIssuer: RelativeDistinguishedName };

/** ReasonFlags' bits (RFC 5280 §4.2.1.13): bit 0 is unused, 1 keyCompromise … 8 aACompromise. */
export type ReasonFlags = ReadonlySet<number>;

/** DistributionPoint (RFC 5280 §4.2.1.13). */
export interface DistributionPoint {
  readonly distributionPoint: DistributionPointName | undefined;
  readonly reasons: ReasonFlags | undefined;
  readonly crlIssuer: readonly GeneralName[] | undefined;
}

/** IssuingDistributionPoint (RFC 5280 §5.2.5). */
export interface IssuingDistributionPoint {
  readonly distributionPoint: DistributionPointName | undefined;
  readonly onlyContainsUserCerts: boolean;
  readonly onlyContainsCaCerts: boolean;
  readonly onlySomeReasons: ReasonFlags | undefined;
  readonly indirectCrl: boolean;
  readonly onlyContainsAttributeCerts: boolean;
}

const MAX_POINTS = 64;

/** Reads CRLDistributionPoints. Throws DecodeError. */
export function decodeDistributionPoints(value: DerReader, what: string): DistributionPoint[] {
  const sequence = value.enter(Tag.SEQUENCE, what);
  const points: DistributionPoint[] = [];
  if (sequence.done) sequence.fail(`${what} is empty`);
  while (!sequence.done) {
    if (points.length === MAX_POINTS) sequence.fail(`${what} has more than ${MAX_POINTS} entries`);
    const point = sequence.enter(Tag.SEQUENCE, 'distributionPoint');
    const distributionPoint = decodePointName(point);
    const reasons = point.has(context(1)) ? point.namedBits('reasons', context(1)) : undefined;
    const crlIssuer = point.has(contextConstructed(2))
      ? decodeGeneralNames(point, 'cRLIssuer', contextConstructed(2))
      : undefined;
    point.end('distributionPoint');
    // RFC 5280 §4.2.1.13: a point does not consist of the reasons alone.
    if (!distributionPoint && !crlIssuer) sequence.fail('distributionPoint names neither a point nor an issuer');
    points.push({ distributionPoint, reasons, crlIssuer });
  }
  return points;
}

/** Reads IssuingDistributionPoint. Throws DecodeError. */
export function decodeIssuingDistributionPoint(value: DerReader): IssuingDistributionPoint {
  const sequence = value.enter(Tag.SEQUENCE, 'issuingDistributionPoint');
  const distributionPoint = decodePointName(sequence);
  const onlyContainsUserCerts = sequence.flag('onlyContainsUserCerts', context(1));
  const onlyContainsCaCerts = sequence.flag('onlyContainsCACerts', context(2));
  const onlySomeReasons = sequence.has(context(3)) ? sequence.namedBits('onlySomeReasons', context(3)) : undefined;
  const indirectCrl = sequence.flag('indirectCRL', context(4));
  const onlyContainsAttributeCerts = sequence.flag('onlyContainsAttributeCerts', context(5));
  sequence.end('issuingDistributionPoint');
  return {
    distributionPoint,
    onlyContainsUserCerts,
    onlyContainsCaCerts,
    onlySomeReasons,
    indirectCrl,
    onlyContainsAttributeCerts,
  };
}

function decodePointName(reader: DerReader): DistributionPointName | undefined {
  const explicit = reader.enterIf(contextConstructed(0), 'distributionPointName');
  if (!explicit) return undefined;
  const name = explicit.has(contextConstructed(0))
    ? { fullName: decodeGeneralNames(explicit, 'fullName', contextConstructed(0)) }
    : {
        nameRelativeToCrlIssuer: decodeRdn(
          explicit.enter(contextConstructed(1), 'nameRelativeToCRLIssuer'),
          'nameRelativeToCRLIssuer',
        ),
      };
  explicit.end('distributionPointName');
  return name;
}

/** The contents of cRLDistributionPoints with one point per URL. */
export function encodeDistributionPoints(urls: readonly string[]): Uint8Array {
  return write.sequence(...urls.map((url) => write.sequence(encodeDistributionPointName([url]))));
}

/** The field `distributionPoint` with URLs as its fullName. */
export function encodeDistributionPointName(urls: readonly string[]): Uint8Array {
  const names = urls.map((value) => encodeGeneralName({ kind: 'uri', value }));
  return write.explicit(0, write.element(contextConstructed(0), ...names));
}
