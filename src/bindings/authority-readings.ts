import type { Readings } from '../metrics/index.js';
import { needsCrl, type CaService, type CrlService } from '../pki/index.js';

type Authority = CaService['authorities'][number];

/** What the metrics say of our CAs: a CA that was replaced is left out, because its end calls for no rollover, and once it is removed nobody needs its lists. */
export const authorityReadings = (ca: CaService, crls: CrlService): Pick<Readings, 'authorities' | 'lists'> => ({
  authorities: () => ca.authorities.filter(isInUse).map(({ id, certificate }) => [id, certificate]),
  lists: () => {
    const ids = new Set(ca.authorities.filter(needsCrl).map(({ id }) => id));
    return crls.served.filter(({ issuer }) => ids.has(issuer));
  },
});

/** Whether a CA signs certificates, or may yet. */
const isInUse = ({ state }: Authority): boolean => state !== 'retired' && state !== 'removed';
