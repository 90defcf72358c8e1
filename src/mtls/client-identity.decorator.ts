import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { VerifiedClientIdentity } from './client-identity.js';
import type { IdentifiedRequest } from './identified-request.js';
import { callOf } from './transports/transport-call.js';

/**
 * The caller's identity, as a parameter of a handler of any transport: `@ClientIdentity() who: ClientIdentity`. Undefined on a public route. In a
 * handler of messages the data then needs its own `@Payload()` or `@MessageBody()`.
 */
export const ClientIdentity = createParamDecorator((_: unknown, context: ExecutionContext) =>
  context.getType() === 'http'
    ? context.switchToHttp().getRequest<IdentifiedRequest>().clientIdentity
    : callOf(context.getArgs())?.clientIdentity,
);
/** Who is calling: established from the certificate on the connection, and frozen. */
export type ClientIdentity = VerifiedClientIdentity;
