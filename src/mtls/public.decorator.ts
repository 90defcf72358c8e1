import { Reflector } from '@nestjs/core';

/** Opens a route, or every route of a controller, to callers without a certificate. No other decorator does. */
export const Public = Reflector.createDecorator<never, true>({ transform: () => true });
