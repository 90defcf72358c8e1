import { Reflector } from '@nestjs/core';

const reflected = Reflector.createDecorator<true>({ transform: () => true });

/** Opens a route, or every route of a controller, to callers without a certificate: the only door that is open by itself. */
export const Public = (): ReturnType<typeof reflected> => reflected(true);

/** The key under which {@link Public} is found. */
export const PUBLIC_KEY = reflected.KEY;
