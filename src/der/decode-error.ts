/**
 * What every decoder of untrusted octets throws: the octets are not the strict DER (X.690 §10, §11) that the standard asks for.
 * `offset` counts octets from the start of the outermost input.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly code = 'malformed';

  constructor(
    readonly problem: string,
    readonly offset: number,
  ) {
    super(`${problem}, at octet ${offset}`);
  }
}
