import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { VerifiedClientIdentity } from './client-identity.js';
import type { IdentifiedRequest } from './identified-request.js';

/** The identity of the caller, as a handler's parameter: `@ClientIdentity() who: ClientIdentity`. Undefined on a public route. */
export const ClientIdentity = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<IdentifiedRequest>().clientIdentity,
);
/** Who is calling: established from the certificate on the connection, frozen. */
export type ClientIdentity = VerifiedClientIdentity;
