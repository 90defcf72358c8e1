import type { CrlHeader, CrlPlace } from '../../store/index.js';
import type { PkiSettings } from '../pki-settings.js';
import { crlUrl } from './crl-scope.js';

/** How many earlier places a shard goes on naming, unless it has more now. There has to be a bound; they are some sixty octets each. */
const MOST_EARLIER = 8;

type Last = Pick<CrlHeader, 'distribution_points'>;

/**
 * The URLs of a shard's issuingDistributionPoint (RFC 5280 §5.2.5): first those that certificates issued now name (a profile may have a place of its own),
 * then earlier ones that `last`, the shard before, has. Certificates issued before name these, and a list that does not is not about them (§6.3.3 (b)). The
 * last eight earlier places stay, or as many as there are now: all of these may have been changed at once, or another node may have others.
 */
export function placesOfShard(settings: PkiSettings, place: CrlPlace, last: Last | undefined): string[] {
  const present = presentUrls(settings, place);
  const earlier = namedBy(last).filter((url) => !present.includes(url));
  return [...present, ...earlier.slice(0, Math.max(MOST_EARLIER, present.length))];
}

/** Whether the last shard does not name a place where certificates that are issued now say that it is. */
export function lacksPlaces(settings: PkiSettings, place: CrlPlace, last: Last): boolean {
  const named = namedBy(last);
  return presentUrls(settings, place).some((url) => !named.includes(url));
}

function presentUrls({ publicationUrl, profiles = [] }: PkiSettings, { issuer, scope }: CrlPlace): string[] {
  const bases = [publicationUrl, ...profiles.map((each) => each.publicationUrl ?? publicationUrl)];
  return [...new Set(bases.map((url) => crlUrl(url, issuer, scope)))];
}

const namedBy = (last: Last | undefined): readonly string[] =>
  JSON.parse(last?.distribution_points ?? '[]') as readonly string[];
