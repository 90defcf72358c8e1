import { StoreError } from './store-error.js';

/** A row about a range of revocations: their DER entries, concatenated, and the counts that prove it complete. */
export interface RevocationPage {
  readonly octets: Uint8Array | null;
  readonly revocations: number;
  readonly entries: number;
  /** Of all entries, in octets. */
  readonly length: number | null;
}

/** The entries of a page. Throws {@link StoreError} `store_corrupt` when one of its revocations has none, because a list would lack it. */
export function entriesOf({ octets, revocations, entries, length }: RevocationPage): Uint8Array {
  const all = octets ?? new Uint8Array();
  if (entries !== revocations || all.length !== (length ?? 0))
    throw new StoreError(
      'store_corrupt',
      `of ${revocations} revocations that are on a list some have no entry: no list is signed without them`,
    );
  return all;
}
