/** A request that does not follow the documentation. `message` is for the caller. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest';
  /** The property in which Fastify's own errors have their status. */
  readonly statusCode = 400;
}
