import type { EventBus } from '../../events/index.js';
import type { RevocationRegistry } from '../revocation/revocation-registry.js';
import { BackgroundWork } from './background-work.js';
import type { CrlService } from './crl.service.js';

// A revocation is in the guard at once; the list for others may gather a few.
const GATHER = 200;
const LONGEST_WAIT = 60_000;

/** Keeps what a running process knows of its CAs, and their CRLs, fresh: after each change of the store, each revocation, and once a minute. Its timers do not keep the process alive. */
export class CrlSchedule {
  readonly #registry: RevocationRegistry;
  readonly #events: EventBus;
  readonly #publishing: BackgroundWork;
  /** A list is there before the CA is heard of, and after it too, when both came at once. */
  readonly #takingUp: BackgroundWork;
  #interval: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor({
    crls,
    registry,
    events,
    followIssuers,
  }: {
    readonly crls: CrlService;
    readonly registry: RevocationRegistry;
    readonly events: EventBus;
    readonly followIssuers: () => Promise<boolean>;
  }) {
    this.#registry = registry;
    this.#events = events;
    this.#publishing = new BackgroundWork(() => this.#guarded(() => crls.publishIfDue()));
    this.#takingUp = new BackgroundWork(async () => {
      await this.#guarded(() => crls.load());
      await this.#guarded(async () => {
        if (await followIssuers()) await crls.load();
      }, 'issuers.follow');
    });
  }

  /** Begins: polls the store each `pollInterval` milliseconds, takes up CRLs of other processes and, when `sign`, signs what is due; the first time before it returns. */
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
      // A certificate file that could not be written, too.
      void this.#takingUp.run();
      void this.#publishing.run();
    }, LONGEST_WAIT).unref();
    await this.#publishing.run();
  }

  /** Ends, when what is under way is done. */
  async stop(): Promise<void> {
    this.#registry.stopPolling();
    this.#unsubscribe?.();
    clearInterval(this.#interval);
    clearTimeout(this.#soon);
    await Promise.all([this.#publishing.done, this.#takingUp.done]);
  }

  /** A failure is told and tried again at the next occasion; the last CRL is served meanwhile. */
  async #guarded(work: () => Promise<unknown>, task = 'crl.publish'): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#events.emit('background.failed', { task, error });
    }
  }
}
