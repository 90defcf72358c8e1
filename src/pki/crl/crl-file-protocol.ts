/** The file that the thread works on next. */
export interface CrlFileData {
  /** The file, open for reading and writing. */
  readonly file: number;
  /** Where the first entry begins. */
  readonly room: number;
  /** Of the list. */
  readonly isDelta: boolean;
  readonly thisUpdate: Date;
}

/**
 * A request to the thread that checks and writes the entries of one file after the other. `begin` gives it a file, and is not answered. `entries` are whole
 * entries to add after those before. `unique` says that there are no more, and asks whether a serial number stands twice. `move` has the first entry begin
 * elsewhere. `digest` asks for the digest of the whole file. `end` takes the file away.
 */
export type CrlFileRequest =
  | ({ readonly kind: 'begin' } & CrlFileData)
  | { readonly kind: 'entries'; readonly octets: Uint8Array }
  | { readonly kind: 'unique' }
  | { readonly kind: 'move'; readonly room: number }
  | { readonly kind: 'digest' }
  | { readonly kind: 'end' };

/** An answer of the thread: one for each request, except `begin`. */
export interface CrlFileAnswer {
  /** What is wrong with an entry. */
  readonly finding?: string;
  /** The error of the file system. */
  readonly failure?: { readonly code: string };
  /** SHA-256, lower-case hexadecimal. */
  readonly sha256?: string;
}
