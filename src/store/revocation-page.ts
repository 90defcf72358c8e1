import { StoreError } from './store-error.js';

/** What the store says of a part of the revocations: their DER entries, one after the other, and how many there are of what. */
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
