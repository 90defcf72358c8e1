import { StoreError } from './store-error.js';

/*
 * SQLSTATE classes and codes: https://www.postgresql.org/docs/current/errcodes-appendix.html. 08 connection, 53 resources (disk full, too many
 * connections), 57P administrator and shutdown, 58 system error, 25P idle transaction ended, 28 authorization, 3D database unknown.
 */
const UNAVAILABLE = /^(?:08|53|57P|58|25P0[34]|28|3D)/;
const READ_ONLY = '25006';
const LOCK_TIMEOUT = '55P03';
const STATEMENT_TIMEOUT = '57014';
const CORRUPT = /^XX00[12]/;

/** The SQLSTATE of an error that the server gave, or undefined. */
function sqlStateOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

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
  const unavailable = (reason: string) =>
    new StoreError('store_unavailable', `the store ${store} cannot be used: ${reason}`, { cause: error });
  if (state === LOCK_TIMEOUT) return unavailable('it is locked by another process');
  if (state === STATEMENT_TIMEOUT) return unavailable('a statement took too long');
  if (state === READ_ONLY) return unavailable('it takes no writes (a standby, or opened for reading: readonly)');
  if (state !== undefined && CORRUPT.test(state))
    return new StoreError('store_corrupt', `the store ${store} is damaged: restore a backup`, { cause: error });
  if (state === undefined || UNAVAILABLE.test(state)) return unavailable(reasonOf(error));
  return error;
}

/** The reason in words. An AggregateError of several addresses has none of its own. */
function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown reason';
  if ('errors' in error && Array.isArray(error.errors)) return error.errors.map(reasonOf).join(', ');
  const said = 'message' in error && error.message !== '' ? error.message : 'code' in error ? error.code : undefined;
  return typeof said === 'string' ? said : 'unknown reason';
}
