import { Reflector } from '@nestjs/core';

const reflected = Reflector.createDecorator<true>({ transform: () => true });

/** Opens a route, or every route of a controller, to callers without a certificate. No other decorator does. */
export const Public = (): ReturnType<typeof reflected> => reflected(true);

/** The metadata key of {@link Public}. */
export const PUBLIC_KEY = reflected.KEY;
