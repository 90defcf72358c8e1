import type { EventBus } from '../../events/index.js';
import type { PkiSettings } from '../pki-settings.js';
import type { RevocationRegistry } from '../revocation/revocation-registry.js';
import { BackgroundWork } from './background-work.js';
import { COMPLETE, DELTA, hasDeltas, overlapOf } from './crl-scope.js';
import type { CrlService } from './crl.service.js';

// Milliseconds. The guard knows of a revocation at once; the list for others may gather a few.
const GATHER = 200;
const [SHORTEST_WAIT, LONGEST_WAIT] = [500, 60_000];

/**
 * Keeps the CRLs of a running process, and what it knows of its CAs, fresh: after each change of the store, after each revocation, and once a minute, or more
 * often where lists have a shorter overlap. Its timers do not keep the process alive.
 */
export class CrlSchedule {
  readonly #registry: RevocationRegistry;
  readonly #events: EventBus;
  readonly #wait: number;
  readonly #publishing: BackgroundWork;
  /** Lists are loaded before new CAs are taken up, and once more after them, for lists that came together with their CA. */
  readonly #takingUp: BackgroundWork;
  #interval: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor({
    crls,
    registry,
    events,
    settings,
    followIssuers,
  }: {
    readonly crls: CrlService;
    readonly registry: RevocationRegistry;
    readonly events: EventBus;
    readonly settings: PkiSettings;
    readonly followIssuers: () => Promise<boolean>;
  }) {
    this.#registry = registry;
    this.#events = events;
    this.#wait = Math.min(LONGEST_WAIT, Math.max(SHORTEST_WAIT, (shortestOverlap(settings) * 1000) / 2));
    this.#publishing = new BackgroundWork(() =>
      this.#guarded(async () => {
        await crls.publishIfDue();
        await crls.withdrawDeltas();
      }),
    );
    this.#takingUp = new BackgroundWork(async () => {
      await this.#guarded(() => crls.load());
      await this.#guarded(async () => {
        if (await followIssuers()) await crls.load();
      }, 'issuers.follow');
    });
  }

  /**
   * Begins: polls the store every `pollInterval` milliseconds, takes up CRLs of other processes and, when `sign` is set, signs what is due, for the first time
   * before it returns.
   */
  async start({ pollInterval, sign }: { readonly pollInterval: number; readonly sign: boolean }): Promise<void> {
    this.#registry.startPolling(pollInterval, () => {
      void this.#takingUp.run();
    });
    if (!sign) return;
    this.#unsubscribe = this.#events.on('revocations.changed', () => {
      this.#soon ??= setTimeout(() => {
        this.#soon = undefined;
        void this.#publishing.run();
      }, GATHER).unref();
    });
    this.#interval = setInterval(() => {
      // This also tries again to write certificate files that could not be written.
      void this.#takingUp.run();
      void this.#publishing.run();
    }, this.#wait).unref();
    await this.#publishing.run();
  }

  /** Ends, and waits for the work that is under way, and for the list of what was revoked a moment ago. */
  async stop(): Promise<void> {
    this.#registry.stopPolling();
    this.#unsubscribe?.();
    clearInterval(this.#interval);
    if (this.#soon !== undefined) {
      clearTimeout(this.#soon);
      void this.#publishing.run();
    }
    await Promise.all([this.#publishing.done, this.#takingUp.done]);
  }

  /** A failure becomes an event, and the work is tried again at the next occasion. The last CRL is served meanwhile. */
  async #guarded(work: () => Promise<unknown>, task = 'crl.publish'): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#events.emit('background.failed', { task, error });
    }
  }
}

const shortestOverlap = (settings: PkiSettings): number =>
  Math.min(overlapOf(settings, COMPLETE), hasDeltas(settings) ? overlapOf(settings, DELTA) : Infinity);
