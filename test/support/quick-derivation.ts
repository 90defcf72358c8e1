import { PBKDF2_ITERATIONS as OURS } from '../../src/pki/issuer/encrypted-key-parameters.js';

/*
 * Stands in, by Jest's configuration, for the parameters that the keys of a CA are encrypted with: theirs, but for the count of iterations, which takes a
 * tenth of a second on purpose each time that a key is made or opened. What is compiled is not told of it:
 * test/e2e/compiled-service.spec.ts.
 */

export * from '../../src/pki/issuer/encrypted-key-parameters.js';

/** That of node:crypto's own export; after {@link deriveInFull} that of the product. */
export let PBKDF2_ITERATIONS = 2048;

/** For the specs whose subject it is: until their end, keys are encrypted as they are outside the tests. */
export function deriveInFull(): void {
  PBKDF2_ITERATIONS = OURS;
}
