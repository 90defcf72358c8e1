/**
 * The body of a request has a content coding (RFC 9110 §8.4), and none is decoded here. Only such a 415 says `Accept-Encoding` (§12.5.3). `message` is for the
 * caller.
 */
export class UnsupportedCoding extends Error {
  override readonly name = 'UnsupportedCoding';
  /** The property in which Fastify's own errors have their status. */
  readonly statusCode = 415;

  constructor() {
    super('the body has a Content-Encoding; send it as it is, without one');
  }
}
