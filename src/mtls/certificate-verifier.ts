import {
  attributeValues,
  KeyUsage,
  Oid,
  spiffeIdOf,
  validateCertificatePath,
  type Certificate,
  type PathFailure,
  type ValidatedPath,
} from '../x509/index.js';
import { isAboutPath, refusal, unnamed, untrustedBy } from './certificate-refusals.js';
import { VerifiedClientIdentity } from './client-identity.js';
import { NoServiceNameError, type ServicePlace } from './service-name.js';
import type { TrustAnchors } from './trust-anchors.js';
import { vouchingFor, WORK_SHARE, type Vouching } from './trust-domains.js';

/** What is asked of a client's certificate, besides trust. */
export interface CertificatePolicy {
  /** Asked only of certificates of our own CAs. */
  readonly issuerOrganization: string | undefined;
  readonly serviceFrom: readonly ServicePlace[];
}

/**
 * A certificate whose path, issuer and key usage are in order, which holds until the trust changes. Dates and revocation are asked again, and may
 * replace its path by another one.
 */
export interface TrustedPeer {
  path: ValidatedPath;
  readonly vouching: Vouching;
  notBefore: number;
  notAfter: number;
  identity: VerifiedClientIdentity | undefined;
  /** The epoch at which revocation was last asked, and until when (ms) that answer holds. */
  epoch: number;
  goodUntil: number;
  /** The epoch and the time (ms) at which another path was last looked for in vain. */
  searched?: { readonly epoch: number; readonly time: number };
}

// The most octets of a client's certificate. What is read from it takes up to fifty times as much memory, for as long as its connection is open. Of a
// certificate that is refused nothing is kept.
const MAX_OCTETS = 16 * 1024;
// The failures that a path can have only because a purpose was asked for.
const MAY_BE_PURPOSE: ReadonlySet<string> = new Set(['extended_key_usage', 'key_usage', 'profile']);

const FOR_CLIENTS = { purposes: ['clientAuth'], extendedKeyUsageRequired: true } as const;

/** `possessionProven`: the handshake has shown that the peer holds the key. */
const inputOf = (leaf: Certificate, { intermediates, presented = [], anchors }: Vouching, time: number) => ({
  leaf,
  intermediates: [...intermediates, ...presented],
  anchors,
  time: new Date(time),
  possessionProven: true,
  workShare: WORK_SHARE,
});

const alongPath = (path: ValidatedPath) => ({
  path,
  notBefore: path.notBefore.getTime(),
  notAfter: path.notAfter.getTime(),
  identity: undefined,
});

/**
 * Says whether a certificate is in order by itself (path, issuer and key usage), and which service it names. Connections, revocation and policy are
 * not its business.
 */
export class CertificateVerifier {
  constructor(private readonly policy: CertificatePolicy) {}

  /**
   * Validates a leaf certificate at `time` (milliseconds since the epoch). Where there is no path, and the trust allows it, one is looked for over the
   * certificates that `presented` gives as well. Throws {@link MtlsRefusal}.
   */
  validate(
    leaf: Certificate,
    trust: TrustAnchors,
    time: number,
    presented: () => readonly Certificate[] = () => [],
  ): TrustedPeer {
    const vouching = vouchingFor(leaf, trust);
    try {
      return this.#validate(leaf, { trust, vouching, time });
    } catch (error) {
      const more = vouching.presentedIntermediates && isAboutPath(error) ? presented() : [];
      if (more.length === 0) throw error;
      return this.#validate(leaf, { trust, vouching: { ...vouching, presented: more }, time });
    }
  }

  #validate(
    leaf: Certificate,
    { trust, vouching, time }: { readonly trust: TrustAnchors; readonly vouching: Vouching; readonly time: number },
  ): TrustedPeer {
    const input = inputOf(leaf, vouching, time);
    const untrusted = (reason: PathFailure) => untrustedBy(reason, { leaf, trust, vouching, time: input.time });
    const result = validateCertificatePath({ ...input, ...FOR_CLIENTS });
    if (!result.ok) {
      if (!MAY_BE_PURPOSE.has(result.reason.code)) throw untrusted(result.reason);
      // Only a certificate that passes the earlier checks is told about its key usage; so the path is validated once more without a purpose.
      const withoutPurpose = validateCertificatePath({ ...input, purposes: [] });
      if (!withoutPurpose.ok) throw untrusted(withoutPurpose.reason);
      if (result.reason.code !== 'extended_key_usage' && result.reason.code !== 'key_usage')
        throw untrusted(result.reason);
      this.#checkIssuer(leaf, vouching);
      throw refusal('wrong_key_usage', 'the certificate is not for client authentication', leaf, result.reason);
    }
    this.#checkIssuer(leaf, vouching);
    this.#checkSvid(leaf);
    if (leaf.der.length > MAX_OCTETS)
      throw refusal('client_certificate_malformed', `the client certificate has more than ${MAX_OCTETS} octets`, leaf);
    return { ...alongPath(result.path), vouching, epoch: Number.NaN, goodUntil: 0 };
  }

  /** Gives a peer another path that is valid at `time` (ms) and that `accepts` takes. False when there is none. */
  reroute(peer: TrustedPeer, time: number, accepts: (path: readonly Certificate[]) => boolean): boolean {
    const { path, vouching } = peer;
    const [leaf, ...above] = path.certificates;
    const known = [...vouching.anchors, ...vouching.intermediates, ...(vouching.presented ?? [])];
    // Another path leads through another certificate of one of these CAs. Mostly there is none, and nothing to search for.
    const isAnother = (one: Certificate): boolean =>
      above.some((ca) => ca.subject.key === one.subject.key && ca.fingerprint256 !== one.fingerprint256);
    if (!known.some(isAnother)) return false;
    const result = validateCertificatePath({ ...inputOf(leaf, vouching, time), ...FOR_CLIENTS, accepts });
    if (result.ok) Object.assign(peer, alongPath(result.path));
    return result.ok;
  }

  /** X509-SVID §5.2 forbids some of what RFC 5280 allows an end entity. */
  #checkSvid(leaf: Certificate): void {
    if (!this.policy.serviceFrom.includes('spiffe') || spiffeIdOf(leaf) === undefined) return;
    if (leaf.extensions.keyUsage?.has(KeyUsage.cRLSign))
      throw refusal('wrong_key_usage', 'the certificate of a SPIFFE ID may sign revocation lists', leaf);
  }

  #checkIssuer(leaf: Certificate, { isFederated }: Vouching): void {
    const wanted = this.policy.issuerOrganization;
    if (wanted === undefined || isFederated) return;
    const organizations = attributeValues(leaf.issuer, Oid.organizationName);
    if (organizations.length !== 1 || organizations[0] !== wanted)
      throw refusal('wrong_issuer', "the organization of the certificate's issuer is not the one asked for", leaf);
  }

  /** The identity that the certificate gives. Throws {@link MtlsRefusal} `service_not_allowed` when it names no service. */
  establish({ path, vouching: { isFederated, trustDomain } }: TrustedPeer): VerifiedClientIdentity {
    // Another domain vouches for SPIFFE IDs alone: its common names and DNS names mean nothing here.
    const serviceFrom = this.policy.serviceFrom.filter((place) => !isFederated || place === 'spiffe');
    try {
      return VerifiedClientIdentity.establish(path, { serviceFrom, trustDomain });
    } catch (error) {
      if (error instanceof NoServiceNameError) throw unnamed(error, path.leaf);
      throw error;
    }
  }
}
