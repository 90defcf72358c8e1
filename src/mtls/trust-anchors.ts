import type { RevocationMode } from '../revocation/index.js';
import { DecodeError, decodeCertificates, isSelfSigned, type Certificate } from '../x509/index.js';

/** Certificates to build paths from: a path ends at an anchor, and leads over intermediates, which are never trusted by themselves. */
export interface CaCertificates {
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** Whether paths may also lead over CA certificates that a client presents with its own; false when absent. */
  readonly presentedIntermediates?: boolean | undefined;
}

/** The CAs of our own, and those of other trust domains. */
export interface TrustAnchors extends CaCertificates {
  /** The trust domain that our own CAs speak for; undefined: any that is not one of `federated`. */
  readonly trustDomain?: string | undefined;
  /** Other trust domains by their names: each vouches for its own SPIFFE IDs, and for nothing else. */
  readonly federated?: ReadonlyMap<string, CaCertificates & { readonly revocation?: RevocationMode | undefined }>;
}

/** Every CA certificate that is known, of whatever trust domain. */
export const everyCa = ({ anchors, intermediates, federated }: TrustAnchors): readonly Certificate[] => [
  ...anchors,
  ...intermediates,
  ...[...(federated?.values() ?? [])].flatMap((domain) => [...domain.anchors, ...domain.intermediates]),
];

/**
 * Port: what is trusted now. It gives the same object until the trust changes; a new object makes the certificate of every connection be validated
 * again.
 */
export type CurrentTrust = () => TrustAnchors;

/** One or several certificates: PEM text (a bundle too) or DER octets. */
export type CertificateInput = string | Uint8Array | readonly (string | Uint8Array)[];

/**
 * Reads trust anchors. The self-signed certificates among `anchors` become anchors; the others become intermediates, as in a CA bundle file. Throws
 * DecodeError when one cannot be read, RangeError when there is no anchor.
 */
export function readTrustAnchors(anchors: CertificateInput, intermediates: CertificateInput = []): TrustAnchors {
  const bundle = readCertificates(anchors);
  const roots = bundle.filter(isSelfSigned);
  if (roots.length === 0) throw new RangeError('the trust anchors hold no self-signed CA certificate');
  return Object.freeze({
    anchors: Object.freeze(roots),
    intermediates: Object.freeze([
      ...bundle.filter((certificate) => !roots.includes(certificate)),
      ...readCertificates(intermediates),
    ]),
  });
}

/** Reads every certificate of the input. Throws DecodeError. */
export function readCertificates(input: CertificateInput): Certificate[] {
  const parts = typeof input === 'string' || input instanceof Uint8Array ? [input] : input;
  return parts.flatMap((part) => {
    if (part.length === 0) throw new DecodeError('an empty certificate file', 0);
    return decodeCertificates(part);
  });
}
