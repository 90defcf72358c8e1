import { Reflector } from '@nestjs/core';

/**
 * Lets a route be called with a certificate that expired no longer ago than `MtlsOptions.expiredGrace`, so that it can be renewed. Everything else is
 * checked as everywhere: the CAs above it must be valid now, and it must not be revoked.
 */
export const AllowExpired = Reflector.createDecorator<never, true>({ transform: () => true });
