import pg from 'pg';
import { StoreError } from './store-error.js';

/*
 * SQLSTATE classes and codes: https://www.postgresql.org/docs/current/errcodes-appendix.html. 08 connection, 53 resources (disk full, too many
 * connections), 57P administrator and shutdown, 58 system error, 25P idle transaction ended, 28 authorization, 3D database unknown, 42501 rights.
 */
const UNAVAILABLE = /^(?:08|53|57P|58|25P0[34]|28|3D|42501)/;
const READ_ONLY = '25006';
const LOCK_TIMEOUT = '55P03';
const STATEMENT_TIMEOUT = '57014';
const CORRUPT = /^XX00[12]/;

/** The SQLSTATE of an error that the server gave, or undefined: the system's own codes, such as EPIPE, can look like one. */
const sqlStateOf = (error: unknown): string | undefined => (error instanceof pg.DatabaseError ? error.code : undefined);

/** Whether a connection that gave this error is of no use any more: all but what the server itself said of a statement. */
export function isBroken(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined || /^(?:08|57P|58|25P)/.test(state);
}

/**
 * What the database or the way to it failed with, as a {@link StoreError} of one sentence that names the store and never its password. What a
 * statement was refused with (a reference, a trigger) stays as it is.
 */
export function postgresError(error: unknown, store: string): unknown {
  if (error instanceof StoreError) return error;
  const state = sqlStateOf(error);
  const unavailable = (reason: string) => unusableError(store, reason, error);
  if (state === LOCK_TIMEOUT) return unavailable('it is locked by another process');
  if (state === STATEMENT_TIMEOUT) return unavailable('a statement took too long');
  if (state === READ_ONLY) return readOnlyError(store, error);
  if (state !== undefined && CORRUPT.test(state))
    return new StoreError('store_corrupt', `the store ${store} is damaged: restore a backup`, { cause: error });
  if (state === undefined || UNAVAILABLE.test(state)) return unavailable(reasonOf(error));
  return error;
}

/** Of a store that cannot be used for `reason`, with the setting that names it. */
export const unusableError = (store: string, reason: string, cause?: unknown): StoreError =>
  new StoreError('store_unavailable', `the store ${store} cannot be used: ${reason} (store.urlFile names it)`, {
    cause,
  });

/** The database takes no writes. */
export const readOnlyError = (store: string, cause?: unknown): StoreError =>
  unusableError(store, 'it takes no writes (a standby, or opened for reading: readonly)', cause);

/** The reason in words. That of several addresses that failed each in its way is theirs. */
function reasonOf(error: unknown): string {
  const { message, code, errors } = error as { message?: unknown; code?: unknown; errors?: unknown };
  if (Array.isArray(errors)) return errors.map(reasonOf).join(', ');
  return [message, code].find((text): text is string => typeof text === 'string' && text !== '') ?? 'unknown reason';
}
