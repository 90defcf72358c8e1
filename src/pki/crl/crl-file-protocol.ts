/** The file that the thread has next. */
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
 * To the thread that checks and writes entries, of one file after the other. `begin`: it has this file now, which is not answered. `entries`: whole ones, behind
 * those before. `unique`: those were all, whether none stands twice. `move`: have the first begin elsewhere. `digest`: of the whole file. `end`: it has the file
 * no longer.
 */
export type CrlFileRequest =
  | ({ readonly kind: 'begin' } & CrlFileData)
  | { readonly kind: 'entries'; readonly octets: Uint8Array }
  | { readonly kind: 'unique' }
  | { readonly kind: 'move'; readonly room: number }
  | { readonly kind: 'digest' }
  | { readonly kind: 'end' };

/** From the thread, one for each request that is answered. */
export interface CrlFileAnswer {
  /** What is wrong with an entry. */
  readonly finding?: string;
  /** What the file system failed with. */
  readonly failure?: { readonly code: string };
  /** SHA-256, lower-case hexadecimal. */
  readonly sha256?: string;
}
