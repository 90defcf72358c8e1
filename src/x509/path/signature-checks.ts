import type { SubjectPublicKeyInfo } from '../public-key.js';
import { isSignedBy, type Signed } from '../signature.js';
import type { WorkBudget } from './work-budget.js';

// As many keys as an issuer may have had under one name. With more, each digest of a large CRL is paid for, because strangers can send certificates of that
// name.
const USUAL_KEYS = 8;

/** Signature verifications of one call: each pair of object and key is verified once, and paid for from the budget. */
export class SignatureChecks {
  readonly #results = new Map<Signed, Map<string, boolean>>();
  readonly #keys = new Map<SubjectPublicKeyInfo, string>();

  constructor(readonly work: WorkBudget) {}

  /** Whether `key` made the signature on `signed`. Throws WorkLimitReached. */
  verify(signed: Signed, key: SubjectPublicKeyInfo): boolean {
    let results = this.#results.get(signed);
    if (!results) this.#results.set(signed, (results = new Map<string, boolean>()));
    const id = this.keyId(key);
    let result = results.get(id);
    if (result === undefined) {
      this.work.signature(key.parameters, results.size < USUAL_KEYS ? 0 : signed.tbs.length);
      result = isSignedBy(signed, key);
      results.set(id, result);
    }
    return result;
  }

  /** The key as text, equal for equal keys. */
  keyId(key: SubjectPublicKeyInfo): string {
    let id = this.#keys.get(key);
    if (id === undefined) {
      const { der } = key;
      id = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('latin1');
      this.#keys.set(key, id);
    }
    return id;
  }
}
