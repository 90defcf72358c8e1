import { Reflector } from '@nestjs/core';

/**
 * Only tries the policy of a route, or of the routes of a controller: a service that is not on the allow-list, or that the route's own rules refuse,
 * passes all the same, and is reported to `MtlsOptions.onShadow` and the log. What path validation, dates, issuer, key usage or revocation refuse
 * stays refused. Take it away again: until then any service with a certificate of a trusted CA may call.
 */
export const Shadow = Reflector.createDecorator<never, true>({ transform: () => true });
