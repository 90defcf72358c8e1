import { DEFAULT_ADMISSION, type Admission } from '../route-policy.js';
import type { TransportConnection } from './transport-call.js';

// Half of the second within which a revocation has to be felt.
const INTERVAL_MS = 500;

/**
 * The connections over which somebody was let in. Messages are looked at one by one, but a connection may be silent, or only listen: so each is
 * asked about again twice a second, which costs about a microsecond as long as nothing changed.
 */
export class OpenConnections {
  readonly #admissions = new Map<TransportConnection, Admission>();
  #timer: NodeJS.Timeout | undefined;

  /** `check` ends a connection whose peer is not to be let in any more, and says whether it stays. */
  constructor(private readonly check: (connection: TransportConnection, admission: Admission) => boolean) {}

  /** Notes that a peer was let in: from now on its connection lasts as long as the widest such admission. */
  note(connection: TransportConnection, { anyService, allowExpired }: Admission): void {
    const before = this.#admissions.get(connection);
    if (before?.anyService === anyService && before.allowExpired === allowExpired) return;
    if (!before) connection.onceClosed(() => this.#forget(connection));
    this.#admissions.set(connection, {
      ...DEFAULT_ADMISSION,
      anyService: anyService || before?.anyService === true,
      allowExpired: allowExpired || before?.allowExpired === true,
    });
    this.#timer ??= setInterval(() => {
      for (const [one, admission] of this.#admissions) if (!this.check(one, admission)) this.#forget(one);
    }, INTERVAL_MS).unref();
  }

  #forget(connection: TransportConnection): void {
    this.#admissions.delete(connection);
    if (this.#admissions.size === 0) this.stop();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
