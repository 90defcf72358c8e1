import { Reflector } from '@nestjs/core';

/**
 * Opens a route to every service with a valid certificate of a trusted CA, whether it is on the allow-list or not: for what a certificate alone gives
 * a right to, such as its own renewal. Path, dates, issuer, key usage and revocation are checked as everywhere.
 */
export const AllowAnyService = Reflector.createDecorator<never, true>({ transform: () => true });
