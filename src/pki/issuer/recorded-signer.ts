import type { AuditLog } from '../../audit/index.js';
import type { AlgorithmIdentifier, SubjectPublicKeyInfo } from '../../x509/index.js';
import type { Requester } from '../pki-settings.js';
import type { LargeOctets, Signer } from './signer.js';

/** Writes audit rows before and after the key of a CA is created or opened. */
export class KeyRecord {
  readonly #audit: AuditLog;
  readonly #requester: Requester;

  constructor(audit: AuditLog, requester: Requester) {
    this.#audit = audit;
    this.#requester = requester;
  }

  /** Runs `work` between the two audit rows. Throws what the store and `work` throw; an intent without a result then says that the key could not be used. */
  async around<T>(
    action: 'key.create' | 'key.open',
    { id, place }: { readonly id: string; readonly place: string },
    work: () => Promise<T>,
  ): Promise<T> {
    const { actor, requestId } = this.#requester;
    const entry = { action, actor, requestId, subject: id, detail: { place } };
    await this.#audit.append({ ...entry, phase: 'intent' });
    const done = await work();
    await this.#audit.append({ ...entry, phase: 'result' });
    return done;
  }
}

/**
 * A signer whose key is opened with audit rows around it. Do not open it inside a transaction, and so do not sign for the first time there: the audit rows are
 * written in transactions of their own.
 */
export class RecordedSigner implements Signer {
  readonly publicKey: SubjectPublicKeyInfo;
  readonly algorithm: AlgorithmIdentifier;
  readonly #signer: Signer;
  readonly #record: (open: () => Promise<void>) => Promise<void>;
  #opening: Promise<void> | undefined;
  #isOpen = false;

  /** `record` runs the given opening of the key between two audit rows. */
  constructor(signer: Signer, record: (open: () => Promise<void>) => Promise<void>) {
    this.#signer = signer;
    this.#record = record;
    this.publicKey = signer.publicKey;
    this.algorithm = signer.algorithm;
  }

  /** Opens the key once. Calls that come while it is being opened wait for the same attempt. After a failure the next call tries again. */
  async open(): Promise<void> {
    this.#opening ??= this.#record(() => this.#signer.open());
    try {
      await this.#opening;
      this.#isOpen = true;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  async sign(octets: Uint8Array): Promise<Uint8Array> {
    if (!this.#isOpen) await this.open();
    return this.#signer.sign(octets);
  }

  async signLarge(octets: LargeOctets): Promise<Uint8Array> {
    if (!this.#isOpen) await this.open();
    return this.#signer.signLarge(octets);
  }
}
