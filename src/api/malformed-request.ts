/** A request that is not as documented. `message` is for the caller. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest';
  /** As Fastify's own errors have it. */
  readonly statusCode = 400;
}
