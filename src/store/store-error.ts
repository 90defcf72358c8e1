/** What can be wrong with the store itself; `store_unavailable` may pass, the others need somebody. */
export type StoreErrorCode = 'store_unavailable' | 'store_too_new' | 'store_corrupt';

/** The store cannot be opened or used. The message names the file and the mend. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  /** The HTTP status a door answers with. */
  readonly status = 503;

  constructor(
    readonly code: StoreErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The store has seen a migration that this version of the program does not know. */
export const tooNewError = (store: string, migration: string): StoreError =>
  new StoreError(
    'store_too_new',
    `the store ${store} was written by a newer version (migration ${migration}): use that version, or restore a backup`,
  );
