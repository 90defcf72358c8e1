/** What is wrong with a header that carries a certificate. */
export type ForwardedHeaderDefect =
  /** Nothing in it. */
  | 'empty'
  /** More characters or certificates than are read. */
  | 'too_long'
  /** Not base64, or not in its one canonical form (RFC 4648 §3.5). */
  | 'not_base64'
  /** Not in the form that was agreed on with the proxy. */
  | 'not_in_format'
  /** More than one certificate where one belongs. */
  | 'several_certificates'
  /** The same header twice, or headers of two forms at once. */
  | 'several_headers'
  /** Its parts contradict each other. */
  | 'contradictory';

/** A header of a trusted proxy that is not accepted. The message is for whoever sent it, and repeats nothing of it. */
export class ForwardedHeaderError extends Error {
  override readonly name = 'ForwardedHeaderError';
  constructor(
    readonly defect: ForwardedHeaderDefect,
    message: string,
  ) {
    super(message);
  }
}
