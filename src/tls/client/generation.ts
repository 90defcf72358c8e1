import { createSecureContext, type SecureContext } from 'node:tls';
import { octetsFromPemOrDer, decodeCertificate, type ValidatedPath } from '../../x509/index.js';
import { clientOptions } from '../secure-context.js';
import { TlsSetupError } from '../tls-error.js';
import type { TlsMaterial } from '../tls-material.js';
import type { TlsSettings } from '../tls-settings.js';
import type { ServerTrust } from './expected-peer.js';

/** A session that can be resumed, with the path of the server that it was agreed with. */
export interface ResumableSession {
  readonly ticket: Buffer;
  readonly path: ValidatedPath;
}

// Of servers that are called; the oldest is forgotten.
const MAX_SESSIONS = 1000;

/**
 * What connections have in common from one change of the files to the next: certificate, trust, and the sessions that may be resumed. A session speaks for the
 * certificate of its first handshake, so none outlives a change.
 */
export class Generation {
  readonly context: SecureContext;
  readonly trust: ServerTrust;
  readonly #sessions = new Map<string, ResumableSession>();
  #goodUntil = Number.POSITIVE_INFINITY;

  /** Throws TlsSetupError when there is no CA to trust. */
  constructor(settings: TlsSettings, material: TlsMaterial) {
    this.trust = trustOf(material);
    this.context = createSecureContext(clientOptions(settings, material));
  }

  /** Whether no server that was connected to has come to the end of its certificate. */
  isCurrent(time: Date): boolean {
    return time.getTime() <= this.#goodUntil;
  }

  noteServer({ notAfter }: ValidatedPath): void {
    this.#goodUntil = Math.min(this.#goodUntil, notAfter.getTime());
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

/** As a CA bundle is read everywhere here: what is self-signed is trusted, what is not may stand in between. */
function trustOf({ caPem }: TlsMaterial): ServerTrust {
  const bundle = caPem === undefined ? [] : octetsFromPemOrDer(caPem, 'CERTIFICATE').map(decodeCertificate);
  const anchors = bundle.filter(({ subject, issuer }) => subject.key === issuer.key);
  if (anchors.length === 0)
    throw new TlsSetupError('tls.caFile: there is no self-signed CA certificate in it: a client needs one to trust.');
  return { anchors, intermediates: bundle.filter((certificate) => !anchors.includes(certificate)) };
}
