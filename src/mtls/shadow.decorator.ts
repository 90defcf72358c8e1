import { Reflector } from '@nestjs/core';

const reflected = Reflector.createDecorator<true>({ transform: () => true });

/**
 * Only tries what policy says about a route, or the routes of a controller: a service that is not on the allow-list, or that the route's own rules refuse,
 * passes all the same, and `MtlsOptions.onShadow` and the log hear of it. What path validation, dates, issuer, key usage or revocation refuse stays refused.
 * To be taken away again: until then any service with a certificate of a trusted CA may call.
 */
export const Shadow = (): ReturnType<typeof reflected> => reflected(true);

/** The key under which {@link Shadow} is found. */
export const SHADOW_KEY = reflected.KEY;
