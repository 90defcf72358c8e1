import { DecodeError } from '../x509/index.js';
import { PkiError } from './pki-error.js';

/** Reads what is to be signed as its readers will. Throws PkiError `lint_failed` for what a strict reader refuses. */
export function readBack<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) throw new PkiError('lint_failed', error.message, { cause: error });
    throw error;
  }
}
