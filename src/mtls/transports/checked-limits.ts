/**
 * Throws RangeError for a limit that nothing is held to: a comparison with NaN, as Number() makes of what is not set, is never true, and a timer
 * throws at it once somebody has connected.
 */
export function checkLimits(limits: Readonly<Record<string, unknown>>): void {
  for (const [name, limit] of Object.entries(limits))
    if (!(typeof limit === 'number' && limit >= 1 && limit < 2 ** 31))
      throw new RangeError(`${name} is no number from 1 to ${2 ** 31 - 1}: ${String(limit)}`);
}
