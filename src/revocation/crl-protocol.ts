import type { RevocationTable } from '../x509/index.js';

/** To the thread: a list to verify and to index. */
export interface CrlRequest {
  /** Given back with the answer. */
  readonly id: number;
  /** Memory that both threads see. The sender leaves it alone until the answer. */
  readonly octets: Uint8Array;
  /** Memory for the table, when there is some from before. */
  readonly table: SharedArrayBuffer | undefined;
  /** Certificates in DER. */
  readonly issuers: readonly Uint8Array[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** From the thread: what it found, or why the list cannot be used. */
export type CrlResponse =
  | {
      readonly id: number;
      /** How many of the octets are the list in DER; of PEM they are fewer than before. */
      readonly length: number;
      /** Which of the issuers signed it. */
      readonly issuer: number;
      readonly table: RevocationTable;
    }
  | { readonly id: number; readonly failure: CrlFailure };

/** An error, by its name. `offset` of a DecodeError, whose message is then `problem`. */
export interface CrlFailure {
  readonly name: string;
  readonly message: string;
  readonly offset: number | undefined;
}
