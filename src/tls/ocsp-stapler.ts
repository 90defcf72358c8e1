import type { Server } from 'node:tls';
import { decodeOcspResponse, DecodeError, verifyOcspResponse, type Certificate } from '../x509/index.js';
import { reporter } from './reporter.js';

/**
 * Port: an OCSPResponse in DER about a certificate of `issuer`; undefined when nobody here knows one. It may fail: the last response is kept then.
 */
export type OcspSource = (certificate: Certificate, issuer: Certificate) => Promise<Uint8Array | undefined>;

/** The certificate that is presented, and the CA above it. */
export interface Stapled {
  readonly certificate: Certificate;
  /** Undefined where the files hold none. Then nothing can be verified, and nothing is stapled. */
  readonly issuer: Certificate | undefined;
}

/** What a stapler did, for the log. */
export type StaplingEvent =
  | { readonly kind: 'stapled'; readonly certificate: Certificate; readonly status: string; readonly until: Date }
  | { readonly kind: 'failed'; readonly why: string };

interface Staple {
  readonly of: Certificate;
  readonly der: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
}

const RETRY_MS = 10_000;
const SHORTEST_MS = 1_000;
// A status may change sooner than its response says.
const LONGEST_MS = 300_000;

/**
 * Staples an OCSP response to each handshake (RFC 6066 §8, RFC 8446 §4.4.2.1), on TLS 1.2 and 1.3. Handshakes are answered from memory: with a
 * response that was verified and has not ended, or with none. A new response is asked for when half of the old one's time is over, and the old one is
 * kept while that fails.
 */
export class OcspStapler {
  readonly #presented: () => Stapled;
  readonly #source: OcspSource;
  readonly #clock: () => Date;
  readonly #report: (event: StaplingEvent) => void;
  #staple: Staple | undefined;
  #failure: string | undefined;
  #refreshing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  /** Whether the staple is what the last request gave, and there is none under way. */
  #isNewest = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(parts: {
    /** What the server presents now. */
    readonly presented: () => Stapled;
    readonly source: OcspSource;
    readonly clock: () => Date;
    readonly report: (event: StaplingEvent) => void;
  }) {
    this.#presented = parts.presented;
    this.#source = parts.source;
    this.#clock = parts.clock;
    this.#report = reporter(parts.report);
  }

  /** Staples to the handshakes of `server` from now on. It waits for nothing: handshakes before the first response get none. */
  attach(server: Pick<Server, 'on'>): void {
    const answer = (
      certificate: Buffer,
      _issuer: Buffer,
      callback: (error: null, response: Buffer | null) => void,
    ): void => {
      callback(null, this.#current(certificate));
    };
    // The types do not allow for a handshake that goes on without a response.
    server.on('OCSPRequest', answer as (certificate: Buffer, issuer: Buffer, callback: unknown) => void);
  }

  /** The response for the certificate of one handshake; during a reload that may still be the previous certificate. */
  #current(certificate: Uint8Array): Buffer | null {
    const staple = this.#staple;
    if (!staple || Buffer.compare(staple.of.der, certificate) !== 0) return null;
    const now = this.#clock();
    if (staple.thisUpdate <= now && now < staple.nextUpdate) return staple.der;
    // The clock leapt, or this machine slept and its timers with it. (While there is no newer one, a timer is running.)
    if (this.#isNewest) void this.refresh();
    return null;
  }

  /** Asks now for a response about what is presented now, and goes on by itself after that. Never fails: what went wrong is reported once. */
  refresh(): Promise<void> {
    // The request that is under way may be about another certificate. So there is one more, for everybody who asks meanwhile.
    this.#next ??= this.#refreshing.then(async () => {
      this.#next = undefined;
      if (!this.#stopped) await this.#refresh();
    });
    return (this.#refreshing = this.#next);
  }

  /** Asks for nothing more; settles when what is under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#refreshing;
  }

  async #refresh(): Promise<void> {
    let wait = RETRY_MS;
    this.#isNewest = false;
    clearTimeout(this.#timer);
    try {
      const staple = await this.#ask(this.#presented());
      this.#failure = undefined;
      if (staple) this.#staple = staple;
      this.#isNewest = staple !== undefined;
      // Nobody here knows a response; that changes only with the certificate.
      wait = staple ? this.#halfOf(staple) : LONGEST_MS;
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown reason';
      if (why !== this.#failure) this.#report({ kind: 'failed', why });
      this.#failure = why;
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.refresh(), wait).unref();
  }

  #halfOf({ nextUpdate }: Staple): number {
    const left = nextUpdate.getTime() - this.#clock().getTime();
    return Math.min(Math.max(left / 2, SHORTEST_MS), LONGEST_MS);
  }

  /** A response that every client would believe. Throws Error with the reason when there is none. */
  async #ask({ certificate, issuer }: Stapled): Promise<Staple | undefined> {
    const octets = issuer && (await this.#source(certificate, issuer));
    if (!octets) return undefined;
    const { serialNumber } = certificate;
    const verdict = verifyOcspResponse(read(octets), { issuer, serialNumber, time: this.#clock(), leeway: 0 });
    if (!verdict.ok) throw new Error(verdict.why);
    const { certStatus, response } = verdict;
    const { thisUpdate, nextUpdate } = response;
    if (certStatus.status === 'unknown' || !nextUpdate) throw new Error('the responder does not know the certificate');
    const der = Buffer.from(octets);
    if (!this.#staple || !this.#staple.der.equals(der))
      this.#report({ kind: 'stapled', certificate, status: certStatus.status, until: nextUpdate });
    return { of: certificate, der, thisUpdate, nextUpdate };
  }
}

function read(octets: Uint8Array): ReturnType<typeof decodeOcspResponse> {
  try {
    return decodeOcspResponse(octets);
  } catch (error) {
    if (error instanceof DecodeError)
      throw new Error(`the response cannot be read: ${error.message}`, { cause: error });
    throw error;
  }
}
