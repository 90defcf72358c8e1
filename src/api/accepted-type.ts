/** A media range of an Accept header with its quality (RFC 9110 §12.5.1). */
interface MediaRange {
  readonly range: string;
  readonly quality: number;
}

/**
 * Whether an Accept header (RFC 9110 §12.5.1) prefers `type` to `otherwise`, by the quality of the most specific range that fits each. Where the
 * qualities are the same, it prefers `type` if it names it, and not only a range that includes it. A range that cannot be read counts for nothing.
 */
export function prefersType(accept: string | undefined, type: string, otherwise: string): boolean {
  const ranges = (accept ?? '').toLowerCase().split(',').flatMap(mediaRange);
  const [wanted, other] = [qualityOf(ranges, type), qualityOf(ranges, otherwise)];
  if (wanted === 0 || wanted < other) return false;
  return wanted > other || ranges.some(({ range }) => range === type);
}

function mediaRange(text: string): MediaRange[] {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim());
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  if (weight !== undefined && !/^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight)) return [];
  return [{ range, quality: weight === undefined ? 1 : Number(weight.slice(2)) }];
}

function qualityOf(ranges: readonly MediaRange[], type: string): number {
  const candidates = [type, `${type.slice(0, type.indexOf('/'))}/*`, '*/*'];
  for (const candidate of candidates) {
    const found = ranges.find(({ range }) => range === candidate);
    if (found) return found.quality;
  }
  return 0;
}
