import type { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { constants, type Http2ServerResponse, type Http2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { setImmediate } from 'node:timers/promises';
import type { MtlsRefusal, RefusalCode } from './mtls.errors.js';
import { closeSession } from './refusal-reply.js';

/** What decides whether an open connection may stay. */
export interface Standing {
  /** Why the next request of a connection would be refused, whatever its route; undefined when it would not. */
  readonly refusalOf: (connection: object) => MtlsRefusal | undefined;
  /** When the certificate on a connection expires, in milliseconds since the epoch. */
  readonly notAfterOf: (connection: object) => number;
  /**
   * Numbers and objects of which at least one is another one whenever an answer of `refusalOf` may have changed for any reason but the passing of
   * time.
   */
  readonly marks: () => readonly unknown[];
  readonly clock: () => number;
  /** Called when connections are cut, once for all connections of one certificate. */
  readonly onCut: (refusal: MtlsRefusal, connections: number) => void;
  /** Called for the first of several checks in a row that failed. What had changed is looked at again by the next one. */
  readonly onFailure: (error: unknown) => void;
}

/** The answer to a request. */
export type Answer = ServerResponse | Http2ServerResponse;

// The refusals that say that a certificate or a service is no longer good. An unknown status is not among them: it may be known again at the next
// request.
const LOST: ReadonlySet<RefusalCode> = new Set([
  'certificate_revoked',
  'certificate_expired',
  'untrusted_issuer',
  'wrong_issuer',
  'service_not_allowed',
  'route_not_allowed',
  // Nobody knows why, and the change that led to it is not looked at again: a connection that only listens would stay open for good.
  'validation_failed',
]);
const INTERVAL_MS = 100;
// Rules and roles may change without a mark: every so many looks answers are checked all the same.
const LOOKS_BETWEEN = 3;
// Time for an answer that is under way to get through.
const GRACE_MS = 500;
const SLICE_MS = 5;

/** Whether a refusal says that who was let in has lost that right, and not only that nobody can tell at the moment. */
export const isLoss = ({ code }: MtlsRefusal): boolean => LOST.has(code);

/**
 * The open connections on which somebody was let in. A connection is ended when its certificate or service loses that right: revoked, expired, no
 * longer trusted, or taken off the allow-list. When something has changed they are checked within a tenth of a second; nothing here is on the path of
 * a request.
 */
export class LiveConnections {
  /** Each connection with those who may speak on it: the connection itself, and the clients whose certificates a proxy forwarded over it. */
  readonly #open = new Map<object, object[]>();
  readonly #farewells = new WeakMap<object, (refusal: MtlsRefusal) => void>();
  readonly #answers = new Map<Answer, () => boolean>();
  #looks = 0;
  #marks: readonly unknown[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #hasFailed = false;

  constructor(private readonly standing: Standing) {}

  /** The number of open connections on which somebody was let in. */
  get size(): number {
    return this.#open.size;
  }

  /** Watches a connection (a TLS socket, or an HTTP/2 session) until it closes. It is ended as well when `holder` loses its right. */
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

  /** Registers how the peer is told, in the form of its transport, before its connection is cut. */
  tellWith(connection: object, farewell: (refusal: MtlsRefusal) => void): void {
    this.#farewells.set(connection, farewell);
  }

  /**
   * Watches an answer over HTTP until its end, because it may go on for as long as it likes. It is broken off half a second after `isLost` says that
   * its caller may not have the rest of it, and the connection stays where others use it.
   */
  follow(answer: Answer, isLost: () => boolean): void {
    // The answer to HEAD over HTTP/2 does not tell when its stream is cancelled.
    const output = 'stream' in answer ? answer.stream : answer;
    // Nobody would say that it is over.
    if (output.closed) return;
    this.#answers.set(answer, isLost);
    output.once('close', () => this.#answers.delete(answer));
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
    if (changed || ++this.#looks % LOOKS_BETWEEN === 0) await this.#breakOffLost();
    // Only now: if the check fails before its end, everything is looked at again.
    this.#marks = marks;
  }

  async #breakOffLost(): Promise<void> {
    let sliceEnds = performance.now() + SLICE_MS;
    for (const [answer, isLost] of this.#answers) {
      if (isLost()) {
        this.#answers.delete(answer);
        setTimeout(breakOff, GRACE_MS, answer).unref();
      }
      if (performance.now() > sliceEnds) {
        await setImmediate();
        sliceEnds = performance.now() + SLICE_MS;
      }
    }
  }

  #lossOf(holders: readonly object[], changed: boolean): MtlsRefusal | undefined {
    for (const holder of holders) {
      if (!changed && this.standing.clock() <= this.standing.notAfterOf(holder)) continue;
      const refusal = this.standing.refusalOf(holder);
      if (refusal && isLoss(refusal)) return refusal;
    }
    return undefined;
  }
}

/** Sends GOAWAY on HTTP/2. In any case the connection is over after the grace. */
function cut(connection: TLSSocket | Http2Session): void {
  if ('goaway' in connection) closeSession(connection, GRACE_MS);
  else setTimeout(() => connection.destroy(), GRACE_MS).unref();
}

/** An answer of HTTP/1.1 has its connection for itself; one of HTTP/2 is a stream, and does not look as if it were whole. */
function breakOff(answer: Answer): void {
  if ('stream' in answer) answer.stream.close(constants.NGHTTP2_CANCEL);
  else answer.destroy();
}

/** The stand-ins of `app.inject` and of tests are no connections. */
function isConnection(value: object): value is EventEmitter {
  return 'once' in value && 'destroy' in value && ('goaway' in value || 'getPeerX509Certificate' in value);
}
