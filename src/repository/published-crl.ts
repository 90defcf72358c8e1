/** A CRL that is served: its octets, how many, and until when it holds. */
export interface ServedCrl {
  readonly octets: number;
  /** SHA-256 of the octets, lower-case hexadecimal. */
  readonly sha256: string;
  readonly thisUpdate: Date;
  /** thisUpdate; undefined where a list before has the same: by a time nobody could tell the two apart. */
  readonly lastModified: Date | undefined;
  readonly nextUpdate: Date;
  /** The octets `[start, end)`, in pieces. */
  readonly read: (start?: number, end?: number) => AsyncIterable<Uint8Array>;
}
