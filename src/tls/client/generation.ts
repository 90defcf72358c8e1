import { createSecureContext, type SecureContext } from 'node:tls';
import { decodeCertificates, isSelfSigned, type Certificate, type ValidatedPath } from '../../x509/index.js';
import { clientOptions } from '../secure-context.js';
import { TlsSetupError } from '../tls-error.js';
import type { TlsMaterial } from '../tls-material.js';
import type { TlsSettings } from '../tls-settings.js';
import { checkServer, type ExpectedPeer, type ServerTrust } from './expected-peer.js';
import type { ServerRevocation } from './server-revocation.js';

/** A session that can be resumed, with the path of the server that it was made with. */
export interface ResumableSession {
  readonly ticket: Buffer;
  readonly path: ValidatedPath;
}

// The most sessions that are kept; beyond that the oldest is forgotten.
const MAX_SESSIONS = 1000;
// The most servers that are checked for revocation again. Beyond that the generation is replaced, and each server is checked at its next connection.
const MAX_SERVERS = 10_000;
// What soft-fail lets pass was reported when the server was connected to.
const REPORT_NOTHING = (): void => undefined;

/**
 * What all connections have in common between two changes of the files: certificate, trust, and the sessions that may be resumed. A session speaks
 * for the certificate of its first handshake, so none outlives a change.
 */
export class Generation {
  readonly #sessions = new Map<string, ResumableSession>();
  readonly #revocation: ServerRevocation | undefined;
  /** The servers that were connected to, by their certificates; kept only where they may turn out to be revoked. */
  readonly #servers = new Map<string, ValidatedPath>();
  #goodUntil = Number.POSITIVE_INFINITY;
  /** The epoch at which revocation was last asked, and until when (ms) the answers hold. */
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

  /** Whether every server that was connected to would be connected to again: no certificate has expired, and none was revoked. */
  isCurrent(time: Date): boolean {
    return time.getTime() <= this.#goodUntil && this.#servers.size <= MAX_SERVERS && !this.#isAnyRevoked(time);
  }

  /**
   * The path of the server that sent these certificates, once it has proven to be the expected one; where possible, a path over CAs that are not
   * revoked (RFC 4158 §2.2). Throws as {@link checkServer} and {@link admitServer}.
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
      // The failure of the first path is the one to report.
      return path;
    }
  }

  /** Records a server that has proven to be the expected one. Throws PeerRefusedError when it is revoked, or when nobody knows whether it is. */
  admitServer(path: ValidatedPath, time: Date): void {
    if (this.#revocation) {
      this.#knownUntil = Math.min(this.#knownUntil, this.#revocation.check(path, time));
      this.#servers.set(path.leaf.fingerprint256, path);
    }
    // The path is valid through the whole second of notAfter. Without it, a connection made in that second would at once begin another generation.
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
      // Whatever else went wrong is reported to the next connection.
      return true;
    }
  }

  /** The session for `key`, when it can be resumed at `time`. */
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

/** The generation for a certificate, its key and CAs. Throws TlsSetupError when there is no CA to trust. */
export function generationOf(settings: TlsSettings, material: TlsMaterial, revocation?: ServerRevocation): Generation {
  return new Generation(createSecureContext(clientOptions(settings, material)), trustOf(material), revocation);
}

/** Reads a CA bundle as everywhere in Veritas: self-signed certificates are trusted, the others may lie between. */
function trustOf({ caPem }: TlsMaterial): ServerTrust {
  const bundle = caPem === undefined ? [] : decodeCertificates(caPem);
  const anchors = bundle.filter(isSelfSigned);
  if (anchors.length === 0)
    throw new TlsSetupError('tls.caFile: there is no self-signed CA certificate in it: a client needs one to trust.');
  return { anchors, intermediates: bundle.filter((certificate) => !anchors.includes(certificate)) };
}
