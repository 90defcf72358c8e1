import type { MtlsOptions } from './mtls.options.js';

/**
 * Looks at the options where a value that came past the types, as from an environment, would let in whom nobody named or be told of in words of
 * Node.js alone. Throws TypeError for one that is missing or of another kind, and RangeError for a time that is none.
 */
export function checkOptions({
  trustAnchors,
  services,
  expiredGrace = 0,
  revocation,
  roles = {},
}: Partial<MtlsOptions> = {}): void {
  if (!trustAnchors) throw new TypeError('MtlsModule needs trustAnchors: the CAs whose certificates are accepted');
  if (typeof services !== 'function' && !Array.isArray(services))
    throw new TypeError('MtlsModule needs services: a list of the services that may call, or a function');
  // The letters of a text are no roles, and nobody would notice that they are nobody's.
  const wrong = typeof roles === 'function' ? undefined : Object.entries(roles).find(([, of]) => !Array.isArray(of));
  if (wrong) throw new TypeError(`the roles of ${wrong[0]} are no list: roles: { ${wrong[0]}: ['auditor'] }`);
  // Of NaN no comparison is true, and so nothing would ever have expired.
  if (!(isNumber(expiredGrace) && expiredGrace >= 0)) throw noTime('expiredGrace', expiredGrace);
  // A timer takes what is no number, and what is too large a one, for a millisecond.
  const { refreshInterval = 1 } = revocation ?? {};
  if (!(isNumber(refreshInterval) && refreshInterval > 0 && refreshInterval < 2 ** 31))
    throw noTime('revocation.refreshInterval', refreshInterval);
}

const isNumber = (value: unknown): value is number => typeof value === 'number';

const noTime = (option: string, value: unknown): RangeError =>
  new RangeError(`${option} is no number of milliseconds: ${String(value)}`);
