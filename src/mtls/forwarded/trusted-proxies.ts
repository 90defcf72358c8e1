import type { VerifiedClientIdentity } from '../client-identity.js';
import { CertificateHeaders, type CarriedHeader } from './carried-headers.js';
import { CHAIN_HEADER, FORWARDED_FORMATS, type ForwardedFormatName } from './forwarded-format.js';
import { ForwardedHeaderError } from './forwarded-header-error.js';

/** A proxy that ends TLS and forwards the certificates of its clients, known by its own certificate. */
export interface TrustedProxy {
  /** The service that its certificate names. */
  readonly service: string;
  /** The one form in which it forwards certificates. */
  readonly format: ForwardedFormatName;
  /** The header's name, where the form leaves it open. Default `x-ssl-client-cert`. */
  readonly header?: string;
  /** A further condition on its certificate, such as that the right CA issued it. */
  readonly condition?: (identity: VerifiedClientIdentity) => boolean;
  /** Whether it may hand on nothing at the moment. It stays a proxy, and nobody by itself. */
  readonly isShutOut?: (identity: VerifiedClientIdentity) => boolean;
}

/** A proxy with what its requests may carry. */
export interface ProxyRule extends TrustedProxy {
  readonly header: string;
}

/** The header values that belong to a proxy's form. */
export interface ForwardedValues {
  readonly value: string;
  readonly chain: string | undefined;
}

/** The proxies that are listed, and the names of every header that only they may send. */
export class TrustedProxies {
  readonly headers: CertificateHeaders;
  readonly #rules: ReadonlyMap<string, ProxyRule>;

  /** Throws RangeError for a proxy that is listed twice, or a header that does not fit its form. */
  constructor(proxies: readonly TrustedProxy[] = []) {
    const rules = proxies.map(ruleOf);
    this.#rules = new Map(rules.map((rule) => [rule.service, rule]));
    if (this.#rules.size < rules.length) throw new RangeError('a trusted proxy is listed twice');
    this.headers = new CertificateHeaders(rules.map(({ header }) => header));
  }

  /**
   * The rule of a proxy; undefined for any other service. Throws what its condition throws, and TypeError when the condition gives anything but true
   * or false.
   */
  ruleOf(identity: VerifiedClientIdentity): ProxyRule | undefined {
    const rule = this.#rules.get(identity.service);
    if (rule?.condition === undefined) return rule;
    const isMet: unknown = rule.condition(identity);
    if (typeof isMet === 'boolean') return isMet ? rule : undefined;
    // A promise that is rejected without anybody waiting for it would end the process.
    Promise.resolve(isMet).catch(() => undefined);
    throw new TypeError('the condition of a trusted proxy must return true or false, and no promise');
  }
}

function ruleOf(proxy: TrustedProxy): ProxyRule {
  const { header, isHeaderFree } = FORWARDED_FORMATS[proxy.format];
  const own = proxy.header?.toLowerCase();
  if (own === undefined) return { ...proxy, header };
  // Only a header made for certificates: a proxy must not be able to hide, or to stand for, what a request is about.
  if (!isHeaderFree || !/^[a-z0-9-]*cert[a-z0-9-]*$/.test(own) || own === CHAIN_HEADER)
    throw new RangeError(`not a header for the form ${proxy.format}: ${own}`);
  return { ...proxy, header: own };
}

/**
 * Of the headers that a request carried, the one of its proxy's form, with its chain. Throws {@link ForwardedHeaderError} when there is anything
 * else.
 */
export function valuesOf(carried: readonly CarriedHeader[], { header, format }: ProxyRule): ForwardedValues {
  const [one, ...more] = carried.filter(({ name }) => name === header);
  const [chain, ...chains] = format === 'rfc9440' ? carried.filter(({ name }) => name === CHAIN_HEADER) : [];
  if (more.length > 0 || chains.length > 0) throw new ForwardedHeaderError('several_headers', 'it came more than once');
  if (carried.length > (one ? 1 : 0) + (chain ? 1 : 0))
    throw new ForwardedHeaderError('several_headers', 'it came in another form than its proxy uses, or in two at once');
  if (!one) throw new ForwardedHeaderError('not_in_format', 'a chain came without a certificate');
  return { value: one.value, chain: chain?.value };
}
