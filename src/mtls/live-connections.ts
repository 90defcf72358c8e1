import type { EventEmitter } from 'node:events';
import type { Http2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { setImmediate } from 'node:timers/promises';
import type { MtlsRefusal, RefusalCode } from './mtls.errors.js';
import { closeSession } from './refusal-reply.js';

/** What decides whether an open connection may stay; each number or object is another one when an answer may have changed. */
export interface Standing {
  /** Why the next request of a connection would be refused, whatever its route; undefined when it would not. */
  readonly refusalOf: (connection: object) => MtlsRefusal | undefined;
  /** The end of the certificate on a connection, in milliseconds since the epoch. */
  readonly notAfterOf: (connection: object) => number;
  /** Changes whenever any answer of `refusalOf` may, the passing of time apart. */
  readonly marks: () => readonly unknown[];
  readonly clock: () => number;
  /** Told of connections that are cut, those of one certificate together. */
  readonly onCut: (refusal: MtlsRefusal, connections: number) => void;
  /** Told of a look that failed, the first in a row: what had changed is looked at again. */
  readonly onFailure: (error: unknown) => void;
}

// What a certificate or a service has lost for good. Not knowing a status is not among them: it may be known again at the next request.
const LOST: ReadonlySet<RefusalCode> = new Set([
  'certificate_revoked',
  'certificate_expired',
  'untrusted_issuer',
  'wrong_issuer',
  'service_not_allowed',
  // Nobody knows why, and what has changed is not looked at again: a connection that only listens would be open for good.
  'validation_failed',
]);
const INTERVAL_MS = 100;
// An answer that is under way may still get through.
const GRACE_MS = 500;
const SLICE_MS = 5;

/**
 * The open connections on which somebody was let in, and the end of those whose certificate or service has lost that since: revoked, expired, no longer
 * trusted, taken off the allow-list. Looked at ten times a second when something changed; nothing here stands on the path of a request.
 */
export class LiveConnections {
  /** With whoever may speak on each: itself, and the client whose certificate a proxy handed on. */
  readonly #open = new Map<object, object[]>();
  readonly #farewells = new WeakMap<object, (refusal: MtlsRefusal) => void>();
  #marks: readonly unknown[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #hasFailed = false;

  constructor(private readonly standing: Standing) {}

  /** How many connections are open on which somebody was let in. */
  get size(): number {
    return this.#open.size;
  }

  /** Keeps an eye on a connection (a TLS socket, or an HTTP/2 session) until it closes; it ends as well with what `holder` has lost. */
  track(connection: object, holder = connection): void {
    if (!isConnection(connection)) return;
    const holders = this.#open.get(connection);
    if (holders) {
      if (!holders.includes(holder)) holders.push(holder);
      return;
    }
    this.#open.set(connection, [holder]);
    connection.once('close', () => this.#open.delete(connection));
  }

  /** Has the peer told, in the form of its transport, before its connection is cut. */
  tellWith(connection: object, farewell: (refusal: MtlsRefusal) => void): void {
    this.#farewells.set(connection, farewell);
  }

  start(): void {
    this.#marks = this.standing.marks();
    this.#timer = setInterval(() => void this.#look(), INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#cutLost();
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.standing.onFailure(error);
      this.#hasFailed = true;
    } finally {
      this.#isLooking = false;
    }
  }

  async #cutLost(): Promise<void> {
    const marks = this.standing.marks();
    const changed = marks.some((mark, index) => !Object.is(mark, this.#marks[index]));
    const lost = new Map<unknown, { readonly refusal: MtlsRefusal; count: number }>();
    let sliceEnds = performance.now() + SLICE_MS;
    for (const [connection, holders] of this.#open) {
      const refusal = this.#lossOf(holders, changed);
      if (refusal) {
        this.#open.delete(connection);
        this.#farewells.get(connection)?.(refusal);
        cut(connection as TLSSocket | Http2Session);
        const { fingerprint256 } = refusal.evidence;
        const entry = lost.get(fingerprint256) ?? { refusal, count: 0 };
        entry.count++;
        lost.set(fingerprint256, entry);
      }
      if (performance.now() > sliceEnds) {
        await setImmediate();
        sliceEnds = performance.now() + SLICE_MS;
      }
    }
    for (const { refusal, count } of lost.values()) this.standing.onCut(refusal, count);
    // Not before: what was not looked at to the end is looked at again.
    this.#marks = marks;
  }

  #lossOf(holders: readonly object[], changed: boolean): MtlsRefusal | undefined {
    for (const holder of holders) {
      if (!changed && this.standing.clock() <= this.standing.notAfterOf(holder)) continue;
      const refusal = this.standing.refusalOf(holder);
      if (refusal && LOST.has(refusal.code)) return refusal;
    }
    return undefined;
  }
}

/** GOAWAY on HTTP/2; on anything else the socket ends. Either way it is over after the grace. */
function cut(connection: TLSSocket | Http2Session): void {
  if ('goaway' in connection) closeSession(connection, GRACE_MS);
  else setTimeout(() => connection.destroy(), GRACE_MS).unref();
}

/** What `app.inject` and a stand-in have is no connection. */
function isConnection(value: object): value is EventEmitter {
  return 'once' in value && 'destroy' in value && ('goaway' in value || 'getPeerX509Certificate' in value);
}
