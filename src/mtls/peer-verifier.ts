import {
  attributeValues,
  decodeCertificate,
  DecodeError,
  nameToString,
  needsNoRevocationStatus,
  Oid,
  validateCertificatePath,
  type Certificate,
  type PathFailure,
  type ValidatedPath,
} from '../x509/index.js';
import type { Authorizer } from './authorizer.js';
import { NoServiceNameError, VerifiedClientIdentity } from './client-identity.js';
import { MtlsRefusal, type RefusalCode } from './mtls.errors.js';
import type { RevocationMode } from './mtls.options.js';
import type { Peer, PeerOf } from './peer-certificate.js';
import type { RevocationAnswer, RevocationStatus } from './revocation/revocation-status.js';
import type { ServiceRoles } from './service-roles.js';
import { enforce, type OnObjection } from './shadowed-request.js';
import type { CurrentTrust, TrustAnchors } from './trust-anchors.js';

/** What the verifier decides by. */
export interface VerifierPolicy {
  readonly peerOf: PeerOf;
  readonly trust: CurrentTrust;
  readonly issuerOrganization: string | undefined;
  readonly revocationMode: RevocationMode;
  readonly revocation: RevocationStatus;
  readonly allowList: Authorizer;
  readonly roles: ServiceRoles;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Told of each peer whose certificate is in order, as often as revocation is asked about. */
  readonly onPeer?: (path: ValidatedPath, time: number) => void;
  /** Told when soft-fail lets a certificate pass whose status nobody knows. */
  readonly reportUnknown: (refusal: MtlsRefusal) => void;
}

/** A certificate whose path, issuer and key usage are in order: true until the trust changes. Dates and revocation are asked again. */
interface TrustedPeer {
  readonly path: ValidatedPath;
  readonly notBefore: number;
  readonly notAfter: number;
  identity: VerifiedClientIdentity | undefined;
}

/** What is remembered of a connection between its requests. */
interface Connection {
  readonly trust: TrustAnchors;
  readonly peer: TrustedPeer | MtlsRefusal;
  /** The same of a certificate that is over, as of its last moment; absent until a route asks for that. */
  over?: TrustedPeer | MtlsRefusal;
  /** When revocation was last asked: the epoch, and until when (ms) that answer holds. */
  epoch: number;
  goodUntil: number;
}

// What a path can fail by only because a purpose was asked for.
const MAY_BE_PURPOSE: ReadonlySet<string> = new Set(['extended_key_usage', 'key_usage', 'profile']);
// A fleet of services; a certificate takes some 10 kB here.
const MAX_REMEMBERED = 4096;

/**
 * Says who is on the other end of a connection, or refuses. What is equal for the whole connection is computed on its first request; later
 * ones look at the clock, the revocation epoch and the trust in force, and nothing else.
 */
export class PeerVerifier {
  readonly #connections = new WeakMap<object, Connection>();
  // Validated paths by the certificate's octets, so that a client's next connection costs no signature checks. Failures are not kept.
  #remembered = new Map<string, TrustedPeer>();
  #rememberedFor: TrustAnchors | undefined;

  constructor(private readonly policy: VerifierPolicy) {}

  /**
   * The identity behind a request, of a service on the allow-list unless `anyService`, by a certificate that expired no longer than `expiredGrace` milliseconds ago.
   * `objected` hears what the allow-list says no with, and decides. Throws {@link MtlsRefusal}, in the order of {@link REFUSALS}; anything unforeseen becomes `validation_failed`.
   */
  identify(
    request: Parameters<PeerOf>[0],
    anyService = false,
    expiredGrace = 0,
    objected: OnObjection = enforce,
  ): VerifiedClientIdentity {
    try {
      const identity = this.#identify(this.policy.peerOf(request), expiredGrace);
      if (!anyService) this.#checkAllowed(identity, objected);
      return identity;
    } catch (error) {
      if (error instanceof MtlsRefusal) throw error;
      throw new MtlsRefusal('validation_failed', 'the client certificate could not be validated', {}, { cause: error });
    }
  }

  #checkAllowed(identity: VerifiedClientIdentity, objected: OnObjection): void {
    const decision = this.policy.allowList(identity, this.policy.roles.of(identity));
    const reason = decision.allowed ? decision.shadow?.reason : decision.reason;
    if (reason !== undefined)
      objected(refusal('service_not_allowed', reason, identity.certificate), decision.allowed, identity);
  }

  #identify(peer: Peer | undefined, expiredGrace: number): VerifiedClientIdentity {
    if (!peer) throw noCertificate();
    const time = this.policy.clock();
    const trust = this.policy.trust();
    let connection = this.#connections.get(peer.connection);
    if (connection?.trust !== trust) {
      connection = { trust, peer: this.#peerOrRefusal(peer, trust, time), epoch: Number.NaN, goodUntil: 0 };
      this.#connections.set(peer.connection, connection);
    }
    let trusted = connection.peer;
    if (expiredGrace > 0 && isOver(trusted, time)) trusted = this.#inGrace(peer, connection, time, expiredGrace);
    if (trusted instanceof MtlsRefusal) throw trusted;
    if (time < trusted.notBefore) throw notYetValid(trusted.path.leaf);
    if (time > trusted.notAfter + expiredGrace) throw expired(trusted.path.leaf);
    if (connection.epoch !== this.policy.revocation.epoch || time > connection.goodUntil)
      this.#checkRevocation(connection, trusted.path, time);
    return (trusted.identity ??= establish(trusted.path));
  }

  /** A leaf that expired within the grace, under CAs that are valid now; the path is validated as of the leaf's last moment. */
  #inGrace(peer: Peer, connection: Connection, time: number, grace: number): TrustedPeer {
    const octets = peer.certificate();
    if (!octets) throw noCertificate();
    const leaf = decode(octets);
    const end = leaf.notAfter.getTime();
    if (time <= end || time > end + grace) throw expired(leaf);
    connection.over ??= this.#refusalOr(() => this.#validate(leaf, connection.trust, end));
    if (connection.over instanceof MtlsRefusal) throw connection.over;
    const [, ...above] = connection.over.path.certificates;
    if (above.some(({ notAfter }) => notAfter.getTime() < time)) throw expired(leaf);
    return connection.over;
  }

  /** A certificate that was refused is refused for the rest of its connection: a stranger does not get it validated again and again. */
  #peerOrRefusal(peer: Peer, trust: TrustAnchors, time: number): TrustedPeer | MtlsRefusal {
    return this.#refusalOr(() => this.#trustedPeer(peer, trust, time));
  }

  #refusalOr(validate: () => TrustedPeer): TrustedPeer | MtlsRefusal {
    try {
      return validate();
    } catch (error) {
      // Of these two one mends itself with time, and the other cost nothing.
      if (
        !(error instanceof MtlsRefusal) ||
        error.code === 'certificate_not_yet_valid' ||
        error.code === 'client_certificate_required'
      )
        throw error;
      return error;
    }
  }

  #trustedPeer(peer: Peer, trust: TrustAnchors, time: number): TrustedPeer {
    const octets = peer.certificate();
    if (!octets) throw noCertificate();
    if (this.#rememberedFor !== trust) {
      this.#remembered = new Map();
      this.#rememberedFor = trust;
    }
    const key = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1');
    const remembered = this.#remembered.get(key);
    if (remembered) return remembered;
    const trusted = this.#validate(decode(octets), trust, time);
    const oldest = this.#remembered.keys().next();
    if (this.#remembered.size >= MAX_REMEMBERED && !oldest.done) this.#remembered.delete(oldest.value);
    this.#remembered.set(key, trusted);
    return trusted;
  }

  #validate(leaf: Certificate, trust: TrustAnchors, time: number): TrustedPeer {
    const input = { leaf, intermediates: trust.intermediates, anchors: trust.anchors, time: new Date(time) };
    const result = validateCertificatePath({ ...input, purposes: ['clientAuth'], extendedKeyUsageRequired: true });
    if (!result.ok) {
      if (!MAY_BE_PURPOSE.has(result.reason.code)) throw untrusted(leaf, result.reason);
      // Only whoever passes the checks before it hears about the key usage: so without it, once more.
      const withoutPurpose = validateCertificatePath({ ...input, purposes: [] });
      if (!withoutPurpose.ok) throw untrusted(leaf, withoutPurpose.reason);
      if (result.reason.code !== 'extended_key_usage' && result.reason.code !== 'key_usage')
        throw untrusted(leaf, result.reason);
      this.#checkIssuer(leaf);
      throw refusal('wrong_key_usage', 'the certificate is not for client authentication', leaf, result.reason);
    }
    this.#checkIssuer(leaf);
    const { path } = result;
    return { path, notBefore: path.notBefore.getTime(), notAfter: path.notAfter.getTime(), identity: undefined };
  }

  #checkIssuer(leaf: Certificate): void {
    const wanted = this.policy.issuerOrganization;
    if (wanted === undefined) return;
    const organizations = attributeValues(leaf.issuer, Oid.organizationName);
    if (organizations.length !== 1 || organizations[0] !== wanted)
      throw refusal('wrong_issuer', "the organization of the certificate's issuer is not the one asked for", leaf);
  }

  #checkRevocation(connection: Connection, path: ValidatedPath, time: number): void {
    const { leaf, certificates } = path;
    const now = new Date(time);
    const { revocation, revocationMode } = this.policy;
    const epoch = revocation.epoch;
    let goodUntil = Number.POSITIVE_INFINITY;
    for (let i = 0; revocationMode !== 'off' && i < certificates.length - 1; i++) {
      const [certificate, issuer] = [certificates[i], certificates[i + 1]];
      if (!certificate || !issuer) continue;
      const answer = revocation.statusOf(certificate, issuer, now);
      if (answer.status === 'revoked') throw revoked(leaf, certificate, answer);
      if (answer.status === 'unknown' && !(i === 0 && needsNoRevocationStatus(certificate))) {
        const refusal = unknown(leaf, certificate, answer);
        if (revocationMode === 'hard-fail') throw refusal;
        this.policy.reportUnknown(refusal);
      }
      if (answer.status === 'good' && answer.until) goodUntil = Math.min(goodUntil, answer.until.getTime());
    }
    connection.epoch = epoch;
    connection.goodUntil = goodUntil;
    this.policy.onPeer?.(path, time);
  }
}

const isOver = (peer: TrustedPeer | MtlsRefusal, time: number): boolean =>
  peer instanceof MtlsRefusal ? peer.code === 'certificate_expired' : time > peer.notAfter;

function establish(path: ValidatedPath): VerifiedClientIdentity {
  try {
    return VerifiedClientIdentity.establish(path);
  } catch (error) {
    if (error instanceof NoServiceNameError) throw refusal('service_not_allowed', error.message, path.leaf);
    throw error;
  }
}

function decode(octets: Uint8Array): Certificate {
  try {
    return decodeCertificate(octets);
  } catch (error) {
    if (error instanceof DecodeError)
      throw new MtlsRefusal('client_certificate_malformed', `the client certificate cannot be read: ${error.message}`);
    throw error;
  }
}

const noCertificate = (): MtlsRefusal =>
  new MtlsRefusal('client_certificate_required', 'this path needs a client certificate and none was presented');

const notYetValid = (leaf: Certificate, reason?: PathFailure): MtlsRefusal =>
  refusal('certificate_not_yet_valid', 'the certificate, or one of its issuers, is not valid yet', leaf, reason);

const expired = (leaf: Certificate, reason?: PathFailure): MtlsRefusal =>
  refusal('certificate_expired', 'the certificate, or one of its issuers, has expired', leaf, reason);

function untrusted(leaf: Certificate, reason: PathFailure): MtlsRefusal {
  if (reason.code === 'expired') return expired(leaf, reason);
  if (reason.code === 'not_yet_valid') return notYetValid(leaf, reason);
  return refusal(
    'untrusted_issuer',
    'the certificate does not lead to a certification authority that is trusted here',
    leaf,
    reason,
  );
}

function revoked(leaf: Certificate, certificate: Certificate, answer: RevocationAnswer): MtlsRefusal {
  const message =
    certificate === leaf
      ? 'the certificate has been revoked'
      : 'the certificate of one of the issuers has been revoked';
  return refusal('certificate_revoked', message, leaf, { ...answer, revoked: certificate.serialNumber });
}

function unknown(leaf: Certificate, certificate: Certificate, answer: RevocationAnswer): MtlsRefusal {
  const message = 'whether the certificate has been revoked cannot be established now';
  return refusal('revocation_unknown', message, leaf, { ...answer, unknown: certificate.serialNumber });
}

function refusal(code: RefusalCode, message: string, leaf: Certificate, evidence: object = {}): MtlsRefusal {
  return new MtlsRefusal(code, message, {
    subject: nameToString(leaf.subject),
    issuer: nameToString(leaf.issuer),
    serialNumber: leaf.serialNumber,
    fingerprint256: leaf.fingerprint256,
    evidence,
  });
}
