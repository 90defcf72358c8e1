import { createSecureContext, type SecureContext } from 'node:tls';
import { octetsFromPemOrDer, decodeCertificate, type Certificate, type ValidatedPath } from '../../x509/index.js';
import { clientOptions } from '../secure-context.js';
import { TlsSetupError } from '../tls-error.js';
import type { TlsMaterial } from '../tls-material.js';
import type { TlsSettings } from '../tls-settings.js';
import { checkServer, type ExpectedPeer, type ServerTrust } from './expected-peer.js';
import type { ServerRevocation } from './server-revocation.js';

/** A session that can be resumed, with the path of the server that it was agreed with. */
export interface ResumableSession {
  readonly ticket: Buffer;
  readonly path: ValidatedPath;
}

// Of servers that are called; the oldest is forgotten.
const MAX_SESSIONS = 1000;
// Those that may have to be told revoked: with more it is over, and each is looked at again.
const MAX_SERVERS = 10_000;
// Of a server it is told when it is connected to.
const REPORT_NOTHING = (): void => undefined;

/**
 * What connections have in common from one change of the files to the next: certificate, trust, and the sessions that may be resumed. A session speaks for the
 * certificate of its first handshake, so none outlives a change.
 */
export class Generation {
  readonly #sessions = new Map<string, ResumableSession>();
  readonly #revocation: ServerRevocation | undefined;
  /** Servers that were connected to, by their certificates; kept where they may be told revoked. */
  readonly #servers = new Map<string, ValidatedPath>();
  #goodUntil = Number.POSITIVE_INFINITY;
  /** When revocation was last asked: the epoch, and until when (ms) the answers hold. */
  #epoch: number | undefined;
  #knownUntil = Number.POSITIVE_INFINITY;

  constructor(
    readonly context: SecureContext,
    readonly trust: ServerTrust,
    revocation?: ServerRevocation,
  ) {
    this.#revocation = revocation;
    this.#epoch = revocation?.epoch;
  }

  /** Whether every server that was connected to would be connected to again: none has come to the end of its certificate, or was revoked. */
  isCurrent(time: Date): boolean {
    return time.getTime() <= this.#goodUntil && this.#servers.size <= MAX_SERVERS && !this.#isAnyRevoked(time);
  }

  /**
   * The path of the server that sent these certificates, once it is known to be who was meant, over CAs that were not revoked where there is such a path (RFC 4158
   * §2.2). Throws as {@link checkServer} and {@link admitServer}.
   */
  serverOf(sent: readonly [Certificate, ...Certificate[]], expected: ExpectedPeer, time: Date): ValidatedPath {
    const path = this.#pathOf(checkServer(sent, expected, this.trust, time), time, (accepts) =>
      checkServer(sent, expected, { ...this.trust, accepts }, time),
    );
    this.admitServer(path, time);
    return path;
  }

  #pathOf(
    path: ValidatedPath,
    time: Date,
    find: (accepts: (path: readonly Certificate[]) => boolean) => ValidatedPath,
  ): ValidatedPath {
    const revocation = this.#revocation;
    const lost = revocation?.lossOf(path.certificates, time);
    if (!revocation || !lost || lost === path.leaf) return path;
    try {
      return find((other) => revocation.lossOf(other, time) === undefined);
    } catch {
      // What is wrong with the first is said.
      return path;
    }
  }

  /** Takes note of a server that is who was meant. Throws PeerRefusedError for one that was revoked, or of which that is not known. */
  admitServer(path: ValidatedPath, time: Date): void {
    if (this.#revocation) {
      this.#knownUntil = Math.min(this.#knownUntil, this.#revocation.check(path, time));
      this.#servers.set(path.leaf.fingerprint256, path);
    }
    // The second of notAfter belongs to it, as for the path: or whoever connects in it would begin another generation at once.
    this.#goodUntil = Math.min(this.#goodUntil, path.notAfter.getTime() + 999);
  }

  #isAnyRevoked(time: Date): boolean {
    const revocation = this.#revocation;
    if (!revocation || (revocation.epoch === this.#epoch && time.getTime() <= this.#knownUntil)) return false;
    this.#epoch = revocation.epoch;
    this.#knownUntil = Number.POSITIVE_INFINITY;
    try {
      for (const path of this.#servers.values())
        this.#knownUntil = Math.min(this.#knownUntil, revocation.check(path, time, REPORT_NOTHING));
      return false;
    } catch {
      // What else went wrong is said to whoever connects next.
      return true;
    }
  }

  /** One that can be resumed at `time`. */
  session(key: string, time: Date): ResumableSession | undefined {
    const session = this.#sessions.get(key);
    return session?.path.isCurrent(time) ? session : undefined;
  }

  keepSession(key: string, session: ResumableSession): void {
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    const oldest = this.#sessions.keys().next();
    if (this.#sessions.size > MAX_SESSIONS && !oldest.done) this.#sessions.delete(oldest.value);
  }

  forgetSession(key: string): void {
    this.#sessions.delete(key);
  }
}

/** The generation of a certificate, key and CAs. Throws TlsSetupError when there is no CA to trust. */
export function generationOf(settings: TlsSettings, material: TlsMaterial, revocation?: ServerRevocation): Generation {
  return new Generation(createSecureContext(clientOptions(settings, material)), trustOf(material), revocation);
}

/** As a CA bundle is read everywhere here: what is self-signed is trusted, what is not may stand in between. */
function trustOf({ caPem }: TlsMaterial): ServerTrust {
  const bundle = caPem === undefined ? [] : octetsFromPemOrDer(caPem, 'CERTIFICATE').map(decodeCertificate);
  const anchors = bundle.filter(({ subject, issuer }) => subject.key === issuer.key);
  if (anchors.length === 0)
    throw new TlsSetupError('tls.caFile: there is no self-signed CA certificate in it: a client needs one to trust.');
  return { anchors, intermediates: bundle.filter((certificate) => !anchors.includes(certificate)) };
}
