import { hash } from 'node:crypto';
import { findIdempotency, insertIdempotency, type Store, type Transaction } from '../../store/index.js';
import { PkiError } from '../pki-error.js';

/** How long a key stands for the request that it was first sent with. */
const KEPT_MS = 86_400_000;

/** A caller's Idempotency-Key, and the request that it was sent with. */
export interface IdempotentCall {
  readonly caller: string;
  readonly key: string;
  /** Everything that decides the result of the call, as one text. */
  readonly request: string;
}

/** Another call with the same key was first: its result is the answer. */
export class CallTaken extends Error {
  override readonly name = 'CallTaken';
}

/**
 * Idempotency keys (draft-ietf-httpapi-idempotency-key-header): for a day the same request under the same key of the same caller gives the same certificate.
 */
export class IdempotentCalls {
  constructor(
    private readonly store: Store,
    private readonly now: () => Date,
  ) {}

  /** The serial number that the earlier call got. Throws PkiError `idempotency_key_reused` when that was another request. */
  async find({ caller, key, request }: IdempotentCall): Promise<string | undefined> {
    const row = await findIdempotency(this.store.database, { caller, key, since: this.#since() });
    if (row && row.request_sha256 !== digest(request))
      throw new PkiError('idempotency_key_reused', 'the Idempotency-Key was sent with another request before');
    return row?.serial;
  }

  /** Records the result of the call, in the transaction that stores it. Throws {@link CallTaken}. */
  async record({ caller, key, request }: IdempotentCall, serial: string, transaction: Transaction): Promise<void> {
    const row = { caller, key, request_sha256: digest(request), serial, created_at: this.now().getTime() };
    if (!(await insertIdempotency(transaction, row, this.#since()))) throw new CallTaken();
  }

  #since(): Date {
    return new Date(this.now().getTime() - KEPT_MS);
  }
}

const digest = (text: string): string => hash('sha256', text);
