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
import { refusal, unnamed, untrustedBy } from './certificate-refusals.js';
import { VerifiedClientIdentity } from './client-identity.js';
import { NoServiceNameError, type ServicePlace } from './service-name.js';
import type { TrustAnchors } from './trust-anchors.js';
import { vouchingFor, WORK_SHARE, type Vouching } from './trust-domains.js';

/** What a client's certificate has to be, besides trusted. */
export interface CertificatePolicy {
  /** Asked of our own CAs alone. */
  readonly issuerOrganization: string | undefined;
  readonly serviceFrom: readonly ServicePlace[];
}

/** A certificate whose path, issuer and key usage are in order: true until the trust changes. Dates and revocation are asked again, and may lead to another path. */
export interface TrustedPeer {
  path: ValidatedPath;
  readonly vouching: Vouching;
  notBefore: number;
  notAfter: number;
  identity: VerifiedClientIdentity | undefined;
  /** When revocation was last asked: the epoch, and until when (ms) that answer holds. */
  epoch: number;
  goodUntil: number;
  /** When another path was looked for in vain: the epoch, and the time (ms). */
  searched?: { readonly epoch: number; readonly time: number };
}

// Of a client's: what is read of it takes up to fifty times as much, for as long as its connection is open. Of who is refused nothing is kept.
const MAX_OCTETS = 16 * 1024;
// What a path can fail by only because a purpose was asked for.
const MAY_BE_PURPOSE: ReadonlySet<string> = new Set(['extended_key_usage', 'key_usage', 'profile']);

const FOR_CLIENTS = { purposes: ['clientAuth'], extendedKeyUsageRequired: true } as const;

/** That the peer holds the key the handshake has shown. */
const inputOf = (leaf: Certificate, { intermediates, anchors }: Vouching, time: number) => ({
  leaf,
  intermediates,
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

/** Says whether a certificate is in order by itself: path, issuer and key usage, and whom it names. Nothing of a connection, of revocation or of policy. */
export class CertificateVerifier {
  constructor(private readonly policy: CertificatePolicy) {}

  /** A leaf as of `time` (milliseconds since the epoch). Throws {@link MtlsRefusal}. */
  validate(leaf: Certificate, trust: TrustAnchors, time: number): TrustedPeer {
    const vouching = vouchingFor(leaf, trust);
    const input = inputOf(leaf, vouching, time);
    const untrusted = (reason: PathFailure) => untrustedBy(reason, { leaf, trust, vouching, time: input.time });
    const result = validateCertificatePath({ ...input, ...FOR_CLIENTS });
    if (!result.ok) {
      if (!MAY_BE_PURPOSE.has(result.reason.code)) throw untrusted(result.reason);
      // Only whoever passes the checks before it hears about the key usage: so without it, once more.
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
    const known = [...vouching.anchors, ...vouching.intermediates];
    // Another path leads over another certificate of one of these CAs: mostly there is none, and nothing to look for.
    const isAnother = (one: Certificate): boolean =>
      above.some((ca) => ca.subject.key === one.subject.key && ca.fingerprint256 !== one.fingerprint256);
    if (!known.some(isAnother)) return false;
    const result = validateCertificatePath({ ...inputOf(leaf, vouching, time), ...FOR_CLIENTS, accepts });
    if (result.ok) Object.assign(peer, alongPath(result.path));
    return result.ok;
  }

  /** X509-SVID §5.2: what RFC 5280 lets an end entity do, and SPIFFE does not. */
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

  /** Whom it names. Throws {@link MtlsRefusal} `service_not_allowed` when it names nobody. */
  establish({ path, vouching: { isFederated, trustDomain } }: TrustedPeer): VerifiedClientIdentity {
    // Another domain gives SPIFFE IDs alone: its common and DNS names are not ours to compare.
    const serviceFrom = this.policy.serviceFrom.filter((place) => !isFederated || place === 'spiffe');
    try {
      return VerifiedClientIdentity.establish(path, { serviceFrom, trustDomain });
    } catch (error) {
      if (error instanceof NoServiceNameError) throw unnamed(error, path.leaf);
      throw error;
    }
  }
}
