import { DecodeError, Tag } from '../../der/index.js';
import { decodeCertificateList, type CertificateList } from '../certificate-list.js';
import { decodeCertificate, type Certificate } from '../certificate.js';
import { purposeOid } from './extended-key-usage.js';
import { defect, failureOf, type PathFailure } from './path-failure.js';
import type { CandidatePath } from './path-search.js';
import { PathValidation } from './path-validation.js';
import type { PeerName } from './peer-names.js';
import type { PolicyInputs } from './policy-graph.js';
import { ValidatedPath } from './validated-path.js';

/** What a path is asked for, besides its certificates. */
export interface PathOptions extends PolicyInputs {
  /** When the path is to be valid; its milliseconds do not count. At an invalid Date none is. */
  readonly time: Date;
  /**
   * Extended key usages, all of which the leaf must serve: `clientAuth`, `serverAuth`, or OIDs. Absent or empty: not checked. What is neither a name nor an OID
   * is the caller's mistake, and throws RangeError.
   */
  readonly purposes?: readonly string[] | undefined;
  /** With purposes: refuse a leaf that has no extendedKeyUsage, which RFC 5280 §4.2.1.12 leaves unrestricted. */
  readonly extendedKeyUsageRequired?: boolean | undefined;
  /** The peer's expected names, one of which must be a subjectAltName. Absent or empty: not checked. */
  readonly names?: readonly PeerName[] | undefined;
  /** Refuse a path when the status of one of its certificates is not known. A certificate known to be revoked is refused in any case. */
  readonly revocationRequired?: boolean | undefined;
  /** The peer has proven that it holds the leaf's private key, as in a TLS handshake: so the public key is a valid one, and is not tried here. */
  readonly possessionProven?: boolean | undefined;
  /** How many CAs, not counting self-issued ones, may stand between leaf and anchor. NaN and numbers below 0 throw RangeError. */
  readonly maxPathLength?: number | undefined;
}

/** {@link validatePath}'s input: DER octets. From PEM they are had by {@link octetsFromPemOrDer}. */
export interface PathInput extends PathOptions {
  readonly leaf: Uint8Array;
  /** Certificates that may stand in between, in any order, from anywhere. */
  readonly intermediates?: readonly Uint8Array[] | undefined;
  /** Certificates that are trusted. */
  readonly anchors: readonly Uint8Array[];
  /** Complete and delta CRLs, direct and indirect, of whatever issuer. */
  readonly crls?: readonly Uint8Array[] | undefined;
}

/** {@link validateCertificatePath}'s input: values that were decoded before. */
export interface CertificatePathInput extends PathOptions {
  readonly leaf: Certificate;
  readonly intermediates?: readonly Certificate[] | undefined;
  readonly anchors: readonly Certificate[];
  readonly crls?: readonly CertificateList[] | undefined;
  /**
   * Whether an otherwise valid path (leaf first, anchor last) is acceptable, by what the caller knows about the revocation of its CAs besides `crls`. When it
   * is not, another path is looked for, and the reason is `revoked` when there is none.
   */
  readonly accepts?: ((path: CandidatePath) => boolean) | undefined;
  /** The share of the usual work that it may cost, above 0 and up to 1, for callers that hold up requests meanwhile. */
  readonly workShare?: number | undefined;
}

export type PathResult =
  { readonly ok: true; readonly path: ValidatedPath } | { readonly ok: false; readonly reason: PathFailure };

// Our own bound: no honest peer sends more. The longest of those that are too many are passed over unread.
const MAX_INTERMEDIATES = 2000;
const MAX_INTERMEDIATE_OCTETS = 4 * 1024 * 1024;
// For their names, which are prepared for comparison before the work budget counts: those of 2000 usual certificates have half of it.
const MAX_NAME_OCTETS = 1024 * 1024;

/**
 * Finds and validates a certification path from `leaf` to one of `anchors`: RFC 5280 §6.1, with policies by RFC 9618 and CRLs by §6.3. It is a pure function:
 * clock, trust and CRLs are arguments. It never throws for what the octets say: a leaf that cannot be read is `malformed`, and an intermediate, anchor or CRL
 * that cannot be read is passed over.
 *
 * - Anchors are certificates, whose own dates, basicConstraints, keyUsage, extendedKeyUsage, name constraints and path length hold (RFC 5937); their signature
 *   and policies are not looked at. One before version 3 cannot say that it is a CA: it counts only when it is self-signed and neither `purposes` nor `names`
 *   are given. A leaf that is itself an anchor passes only as a CA, so that nothing is trusted as a peer merely for being listed.
 * - With `purposes` or `names` the certificates must also keep to the profile that §4 sets for those who issue them: see `profileDefect`.
 * - Name constraints apply to all names of all certificates below, except self-issued CAs. A constraint that is not in the standard's form refuses the path.
 * - The reason that is given is that of the candidate path that got furthest: see `STAGE`.
 *
 * The work is bounded: a signature is verified once for each pair of key and certificate, and at a fixed budget the whole stops with `work_limit`.
 */
export function validatePath(input: PathInput): PathResult {
  const leaf = decoded(input.leaf, decodeCertificate);
  if (leaf instanceof DecodeError)
    return { ok: false, reason: failureOf(defect('malformed', 'RFC 5280 §4.1', leaf.message), undefined) };
  return validateCertificatePath({
    ...input,
    leaf,
    intermediates: readable(
      shortestWithin(
        (input.intermediates ?? []).filter(mayBeCertificate),
        MAX_INTERMEDIATE_OCTETS,
        ({ length }) => length,
      ),
      decodeCertificate,
    ),
    anchors: readable(input.anchors, decodeCertificate),
    crls: readable(input.crls ?? [], decodeCertificateList),
  });
}

/** {@link validatePath} on decoded values: the same rules, but the octets are not read again. */
export function validateCertificatePath(input: CertificatePathInput): PathResult {
  const { maxPathLength = Infinity } = input;
  // Compared with NaN, every length would do.
  if (!(maxPathLength >= 0)) throw new RangeError(`${maxPathLength} is not a path length`);
  const result = new PathValidation({
    leaf: input.leaf,
    intermediates: shortestWithin(
      input.intermediates ?? [],
      MAX_NAME_OCTETS,
      ({ subject, issuer }) => subject.der.length + issuer.der.length,
    ),
    anchors: input.anchors,
    crls: input.crls ?? [],
    revocationRequired: input.revocationRequired ?? false,
    accepts: input.accepts,
    workShare: input.workShare,
    rules: {
      time: input.time,
      purposes: (input.purposes ?? []).map(purposeOid),
      extendedKeyUsageRequired: input.extendedKeyUsageRequired ?? false,
      names: input.names ?? [],
      possessionProven: input.possessionProven ?? false,
      maxPathLength,
      policies: input,
    },
  }).run();
  return result instanceof ValidatedPath ? { ok: true, path: result } : { ok: false, reason: result };
}

function decoded<T>(octets: Uint8Array, decode: (octets: Uint8Array) => T): T | DecodeError {
  try {
    return decode(octets);
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}

/** Whether the octets begin as a SEQUENCE of just this length, of at least 128 octets: other octets are dropped at no cost, and take nobody's place. */
function mayBeCertificate({ length, 0: tag, 1: size, 2: high = 0, 3: low = 0 }: Uint8Array): boolean {
  if (tag !== Tag.SEQUENCE) return false;
  return size === 0x81 ? high === length - 3 : size === 0x82 && high * 256 + low === length - 4;
}

/** The shortest of `list` that have at most `limit` octets together, at most 2000: it takes many to keep an honest one out. */
function shortestWithin<T>(list: readonly T[], limit: number, octetsOf: (one: T) => number): readonly T[] {
  let left = limit;
  return list
    .toSorted((a, b) => octetsOf(a) - octetsOf(b))
    .slice(0, MAX_INTERMEDIATES)
    .filter((one) => (left -= octetsOf(one)) >= 0);
}

function readable<T>(list: readonly Uint8Array[], decode: (octets: Uint8Array) => T): T[] {
  return list.map((octets) => decoded(octets, decode)).filter((value): value is T => !(value instanceof DecodeError));
}
