import type { KeyObject } from 'node:crypto';
import type { Hash, SigningScheme } from '../../x509/index.js';
import type { PageStatement } from './crl-entries.js';

/** About as many has an entry: with a serial number of 16 octets and a reason. Without one it has 35. */
export const OCTETS_AN_ENTRY = 49;

/** The file that the thread works on next. */
export interface CrlFileData {
  /** The file, open for reading and writing. */
  readonly file: number;
  /** Where the first entry begins. */
  readonly room: number;
  /** About how many octets the list will have. */
  readonly expected: number;
  /** Of the list. */
  readonly isDelta: boolean;
  readonly thisUpdate: Date;
}

/** What stands around the entries. */
export interface AroundEntries {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/**
 * A request to the thread that makes the file of a list. First there are its rows, where they are in a file of SQLite: `open` opens that, `rows` runs a
 * statement, and `close` closes it. Then there is the list's file: `begin` gives it, `entries` are whole entries to check and to add after those before, and
 * `pages` are statements that give such. `unique` says that there are no more, and asks whether a serial number stands twice. `move` has the first entry begin
 * elsewhere. `digest` and `sign` ask for the digest and the signature of the entries with what stands around them. `flush` brings what was written to the disk.
 * `end` takes the file away. Without an answer, `close-file` closes the descriptor of another file, and `stop` ends the thread.
 */
export type CrlFileRequest =
  | { readonly kind: 'open'; readonly path: string }
  | ({ readonly kind: 'rows' } & PageStatement)
  | { readonly kind: 'close' }
  | ({ readonly kind: 'begin' } & CrlFileData)
  | { readonly kind: 'entries'; readonly octets: Uint8Array }
  | { readonly kind: 'pages'; readonly statements: readonly PageStatement[] }
  | { readonly kind: 'unique' }
  | { readonly kind: 'move'; readonly room: number }
  | { readonly kind: 'flush' }
  | ({ readonly kind: 'digest'; readonly hash: Hash } & AroundEntries)
  | ({ readonly kind: 'sign'; readonly scheme: SigningScheme; readonly key: KeyObject } & AroundEntries)
  | { readonly kind: 'end' }
  | { readonly kind: 'close-file'; readonly file: number }
  | { readonly kind: 'stop' };

/** What the thread answers to a request. */
export interface CrlFileAnswer {
  readonly rows?: readonly unknown[];
  /** How many octets of entries there are by now. */
  readonly length?: number;
  /** The digest or the signature. */
  readonly octets?: Uint8Array;
  /** What is wrong with an entry. */
  readonly finding?: string;
  /** What is wrong with the rows, as StoreError `store_corrupt` says it. */
  readonly corrupt?: string;
  /** The error of SQLite, with its extended result code. */
  readonly sqlite?: { readonly message: string; readonly errcode: number };
  /** The error of the file system. */
  readonly failure?: { readonly code: string };
}
