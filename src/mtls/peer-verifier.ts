import { lossOf, revocationOf, type RevocationMode, type RevocationStatus } from '../revocation/index.js';
import type { Certificate, ValidatedPath } from '../x509/index.js';
import { decisionOf, type Authorizer } from './authorizer.js';
import {
  decodeClientCertificate,
  expired,
  noCertificate,
  notYetValid,
  proxyAsClient,
  refusal,
  refusalOf,
  revoked,
  unknown,
} from './certificate-refusals.js';
import { CertificateVerifier, type CertificatePolicy, type TrustedPeer } from './certificate-verifier.js';
import type { VerifiedClientIdentity } from './client-identity.js';
import { MtlsRefusal } from './mtls.errors.js';
import type { Peer, PeerOf, PresentedCertificate } from './peer-certificate.js';
import { octetsOf, PresentedIntermediates } from './presented-intermediates.js';
import { Remembered } from './remembered.js';
import type { ServiceRoles } from './service-roles.js';
import { enforce, type OnObjection } from './shadowed-request.js';
import type { CurrentTrust, TrustAnchors } from './trust-anchors.js';

/** What the verifier decides by. */
export interface VerifierPolicy extends CertificatePolicy {
  readonly peerOf: PeerOf;
  readonly trust: CurrentTrust;
  readonly revocationMode: RevocationMode;
  readonly revocation: RevocationStatus;
  readonly allowList: Authorizer;
  readonly roles: ServiceRoles;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Called for each peer whose certificate is in order, as often as revocation is asked about. */
  readonly onPeer?: (path: ValidatedPath, time: number) => void;
  /** Whether an identity is that of a trusted proxy, which never calls for itself. */
  readonly isProxy?: (identity: VerifiedClientIdentity) => boolean;
  /** Whether it is that of a proxy which may hand on nothing at the moment. */
  readonly isShutOut?: (identity: VerifiedClientIdentity) => boolean;
  /** Called when soft-fail lets a certificate pass whose status nobody knows. */
  readonly reportUnknown: (refusal: MtlsRefusal) => void;
}

/** What is remembered of a connection between its requests. */
interface Connection {
  readonly from: Peer;
  readonly trust: TrustAnchors;
  readonly peer: TrustedPeer | MtlsRefusal;
  /** The same for a certificate that has expired, validated as of its last moment; absent until a route asks for that. */
  expired?: TrustedPeer | MtlsRefusal;
  /** Whether the allow-list has let its service in. */
  isAllowed: boolean;
}

/** A connection with who is on the other end of it. */
interface IdentifiedConnection {
  readonly connection: Connection;
  readonly identity: VerifiedClientIdentity;
}

// Another path is looked for again after this time: a status that was unknown may be known by then, without another epoch.
const SEARCH_AGAIN_MS = 1000;

/**
 * Says who is on the other end of a connection, or refuses. What is the same for the whole connection is computed on its first request; later
 * requests look at the clock, the revocation epoch and the trust in force, and nothing else.
 */
export class PeerVerifier {
  readonly #connections = new WeakMap<object, Connection>();
  // Failures are not kept.
  #remembered = newMemory();
  #rememberedFor: TrustAnchors | undefined;
  readonly #presented = new PresentedIntermediates();
  #onConnection: (connection: object) => void = () => undefined;

  readonly #certificates: CertificateVerifier;

  constructor(private readonly policy: VerifierPolicy) {
    this.#certificates = new CertificateVerifier(policy);
  }

  /** Calls `listener` for each connection that presents a certificate in order, at least once. There is one listener: the last. */
  onConnection(listener: (connection: object) => void): void {
    this.#onConnection = listener;
  }

  /** Of these at least one is another one whenever an answer about an open connection might have changed, the passing of time apart. */
  marks(): readonly unknown[] {
    return [this.policy.trust(), this.policy.revocation.epoch, this.policy.allowList.epoch];
  }

  /**
   * The identity behind a request. It is of a service on the allow-list, unless `anyService`; its certificate may have expired up to `expiredGrace`
   * milliseconds ago. `objected` is told of a refusal by the allow-list, and decides whether it counts. Throws {@link MtlsRefusal}, in the order of
   * {@link REFUSALS}; anything unforeseen becomes `validation_failed`.
   */
  identify(
    request: Parameters<PeerOf>[0],
    anyService = false,
    expiredGrace = 0,
    objected: OnObjection = enforce,
  ): VerifiedClientIdentity {
    let peer: Peer | undefined;
    try {
      peer = this.policy.peerOf(request);
      return this.#checkAllowList(this.#identifyConnection(peer, expiredGrace), anyService, objected);
    } catch (error) {
      const refused = refusalOf(error);
      throw peer?.proxy === undefined ? refused : refused.through(peer.proxy);
    }
  }

  /** Who holds a connection, whether they may call or not; no proxy that is shut out. Throws {@link MtlsRefusal} as {@link identify}. */
  identifyHolder(peer: Peer | undefined): VerifiedClientIdentity {
    try {
      const { identity } = this.#identifyConnection(peer, 0);
      this.#checkNotShutOut(identity);
      return identity;
    } catch (error) {
      throw refusalOf(error);
    }
  }

  #checkNotShutOut(identity: VerifiedClientIdentity): void {
    if (this.policy.isShutOut?.(identity))
      throw refusal('service_not_allowed', 'the proxy may hand on nothing', identity.certificate);
  }

  #checkAllowList(
    { identity, connection }: IdentifiedConnection,
    anyService: boolean,
    objected: OnObjection,
  ): VerifiedClientIdentity {
    if (this.policy.isProxy?.(identity)) throw proxyAsClient(identity, connection.from);
    if (anyService) return identity;
    const decision = decisionOf(this.policy.allowList, identity, this.policy.roles.of(identity));
    const reason = decision.allowed ? decision.shadow?.reason : decision.reason;
    if (reason !== undefined)
      objected(refusal('service_not_allowed', reason, identity.certificate), decision.allowed, identity);
    connection.isAllowed ||= decision.allowed;
    return identity;
  }

  #identifyConnection(peer: Peer | undefined, expiredGrace: number): IdentifiedConnection {
    if (!peer) throw noCertificate();
    const time = this.policy.clock();
    const trust = this.policy.trust();
    let connection = this.#connections.get(peer.connection);
    if (connection?.trust !== trust || isOutlived(connection.peer, time)) {
      const isAllowed = connection?.isAllowed ?? false;
      // A certificate that was refused stays refused for the rest of its connection: a stranger cannot have it validated again and again.
      const trusted = this.#refusalOr(() => this.#trustedPeer(peer, trust, time));
      connection = { from: peer, trust, peer: trusted, isAllowed };
      this.#connections.set(peer.connection, connection);
      if (!(trusted instanceof MtlsRefusal)) this.#onConnection(peer.connection);
    }
    let trusted = connection.peer;
    if (expiredGrace > 0 && isExpired(trusted, time)) trusted = this.#inGrace(peer, connection, time, expiredGrace);
    if (trusted instanceof MtlsRefusal) throw trusted;
    if (time < trusted.notBefore) throw notYetValid(trusted.path.leaf);
    if (time > trusted.notAfter + expiredGrace) throw expired(trusted.path.leaf);
    if (trusted.epoch !== this.policy.revocation.epoch || time > trusted.goodUntil)
      this.#checkRevocation(trusted, time);
    return { connection, identity: (trusted.identity ??= this.#certificates.establish(trusted)) };
  }

  /** The object by which the caller behind a request is remembered: the connection, or behind a proxy what stands for it. */
  holderOf(request: Parameters<PeerOf>[0]): object | undefined {
    return this.policy.peerOf(request)?.connection;
  }

  /**
   * Why the next request of an open connection would be refused on any route, or undefined. The allow-list is asked only about a service that it has
   * let in before: one that was never on it may have come for routes that are open to any service. Anything unforeseen is `validation_failed`.
   */
  refusalOf(connection: object, expiredGrace = 0): MtlsRefusal | undefined {
    const known = this.#connections.get(connection);
    if (!known) return undefined;
    try {
      const standing = this.#identifyConnection(known.from, known.expired ? expiredGrace : 0);
      this.#checkNotShutOut(standing.identity);
      if (known.isAllowed) this.#checkAllowList(standing, false, enforce);
      return undefined;
    } catch (error) {
      return refusalOf(error);
    }
  }

  /** When the path validated on an open connection ends, in milliseconds since the epoch; Infinity for a connection that is not known. */
  notAfterOf(connection: object): number {
    const peer = this.#connections.get(connection)?.peer;
    return peer && !(peer instanceof MtlsRefusal) ? peer.notAfter : Number.POSITIVE_INFINITY;
  }

  /** A leaf that expired within the grace, under CAs that are valid now. Its path is validated as of the leaf's last moment. */
  #inGrace(peer: Peer, connection: Connection, time: number, grace: number): TrustedPeer {
    const presented = peer.certificate();
    if (!presented) throw noCertificate();
    const leaf = decodeClientCertificate(presented.raw);
    const end = leaf.notAfter.getTime();
    if (time <= end || time > end + grace) throw expired(leaf);
    connection.expired ??= this.#refusalOr(() => this.#validate(leaf, presented, connection.trust, end));
    if (connection.expired instanceof MtlsRefusal) throw connection.expired;
    const [, ...above] = connection.expired.path.certificates;
    if (above.some(({ notAfter }) => notAfter.getTime() < time)) throw expired(leaf);
    return connection.expired;
  }

  #refusalOr(validate: () => TrustedPeer): TrustedPeer | MtlsRefusal {
    try {
      return validate();
    } catch (error) {
      // These two are not remembered: the first mends itself with time, the second cost nothing.
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
    const presented = peer.certificate();
    if (!presented) throw noCertificate();
    if (this.#rememberedFor !== trust) {
      this.#remembered = newMemory();
      this.#rememberedFor = trust;
    }
    const { fingerprint256 } = presented;
    const remembered = this.#remembered.get(fingerprint256);
    if (remembered && !isOutlived(remembered, time)) return remembered;
    const trusted = this.#validate(decodeClientCertificate(presented.raw), presented, trust, time);
    this.#remembered.set(fingerprint256, trusted);
    return trusted;
  }

  #validate(leaf: Certificate, presented: PresentedCertificate, trust: TrustAnchors, time: number): TrustedPeer {
    const trusted = this.#certificates.validate(leaf, trust, time, () => this.#presented.of(presented));
    const { presented: intermediates } = trusted.vouching;
    if (intermediates) this.#presented.remember(presented, intermediates);
    return trusted;
  }

  /** Asks about the revocation of a certificate, for all its connections. */
  #checkRevocation(peer: TrustedPeer, time: number): void {
    const mode = peer.vouching.revocation ?? this.policy.revocationMode;
    const { epoch } = this.policy.revocation;
    peer.goodUntil = mode === 'off' ? Number.POSITIVE_INFINITY : this.#goodUntil(peer, mode, time);
    peer.epoch = epoch;
    this.policy.onPeer?.(peer.path, time);
  }

  /**
   * Until when (ms) the certificate's path is known not to be revoked. When a CA of the path is revoked, another path is looked for (RFC 4158 §2.2).
   */
  #goodUntil(peer: TrustedPeer, mode: RevocationMode, time: number): number {
    const { leaf } = peer.path;
    const ask = (path: readonly Certificate[]) => revocationOf(path, this.policy.revocation, new Date(time));
    let known = ask(peer.path.certificates);
    const lost = lossOf(known, mode);
    if (lost) {
      const isGood = (path: readonly Certificate[]): boolean => lossOf(ask(path), mode) === undefined;
      if (lost.certificate === leaf || !this.#reroute(peer, time, isGood))
        throw lost === known.revoked ? revoked(leaf, lost) : unknown(leaf, lost);
      known = ask(peer.path.certificates);
    }
    for (const finding of known.unknown) this.policy.reportUnknown(unknown(leaf, finding));
    return known.goodUntil;
  }

  /** Looks for another path, but not in vain with each request, and not for a leaf that has expired. */
  #reroute(peer: TrustedPeer, time: number, isGood: (path: readonly Certificate[]) => boolean): boolean {
    const { epoch } = this.policy.revocation;
    const { searched } = peer;
    if (time > peer.path.leaf.notAfter.getTime()) return false;
    if (searched?.epoch === epoch && Math.abs(time - searched.time) < SEARCH_AGAIN_MS) return false;
    peer.searched = { epoch, time };
    return this.#certificates.reroute(peer, time, isGood);
  }
}

/** Validated certificates, so that a client's next connection costs no signature checks. */
const newMemory = (): Remembered<TrustedPeer> =>
  new Remembered(({ path, vouching }) => octetsOf([path.leaf, ...(vouching.presented ?? [])]));

/** Whether a path has expired and its leaf has not: another path may lead through another certificate of a CA. */
const isOutlived = (peer: TrustedPeer | MtlsRefusal, time: number): boolean =>
  !(peer instanceof MtlsRefusal) && time > peer.notAfter && time <= peer.path.leaf.notAfter.getTime();

const isExpired = (peer: TrustedPeer | MtlsRefusal, time: number): boolean =>
  peer instanceof MtlsRefusal ? peer.code === 'certificate_expired' : time > peer.notAfter;
