import { generalNameToString, ipFromString, type GeneralName } from '../../x509/index.js';

/** Which names a profile gives, by kind: what one of the rules matches. A kind without a list gives any well-formed name, an empty list none. */
export interface NameRuleTexts {
  /** `api.example.org`; `*.example.org` is one label more, `.example.org` one or more. */
  readonly dns?: readonly string[] | undefined;
  /** `10.0.0.0/8`, `fd00::/8`, or one address. */
  readonly ip?: readonly string[] | undefined;
  /** A whole URI, or its beginning and `*`. */
  readonly uri?: readonly string[] | undefined;
}

type Rule<Value> = (value: Value) => boolean;

/** {@link NameRuleTexts}, read. */
export class NameRules {
  readonly #dns: readonly Rule<string>[] | undefined;
  readonly #ip: readonly Rule<Uint8Array>[] | undefined;
  readonly #uri: readonly Rule<string>[] | undefined;

  /** Throws RangeError for a text that is not a rule. */
  constructor({ dns, ip, uri }: NameRuleTexts = {}) {
    this.#dns = dns?.map(dnsRule);
    this.#ip = ip?.map(ipRule);
    this.#uri = uri?.map(uriRule);
  }

  /** The first of the names that no rule gives, as text. */
  firstRefused(names: readonly GeneralName[]): string | undefined {
    const refused = names.find((name) => !this.#gives(name));
    return refused && generalNameToString(refused);
  }

  #gives(name: GeneralName): boolean {
    switch (name.kind) {
      case 'dns':
        return matches(this.#dns, name.value);
      case 'ip':
        return matches(this.#ip, name.value);
      case 'uri':
        return matches(this.#uri, name.value);
      default:
        return false;
    }
  }
}

function matches<Value>(rules: readonly Rule<Value>[] | undefined, value: Value): boolean {
  return rules === undefined || rules.some((rule) => rule(value));
}

const DNS_RULE = /^(\*?\.)?((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*)$/;

function dnsRule(text: string): Rule<string> {
  const [, below, domain] = DNS_RULE.exec(text) ?? [];
  if (domain === undefined) throw new RangeError(`${JSON.stringify(text)} is not a rule for DNS names`);
  if (below === undefined) return (name) => name === domain;
  const suffix = `.${domain}`;
  const isBelow = (name: string): boolean => name.length > suffix.length && name.endsWith(suffix);
  return below === '.' ? isBelow : (name) => isBelow(name) && !name.slice(0, -suffix.length).includes('.');
}

function ipRule(text: string): Rule<Uint8Array> {
  const [, address = '', length] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const base = ipFromString(address);
  const bits = base && (length === undefined ? base.length * 8 : Number(length));
  if (!base || bits === undefined || bits > base.length * 8)
    throw new RangeError(`${JSON.stringify(text)} is not a rule for IP addresses`);
  const prefix = bitsOf(base).slice(0, bits);
  if (bitsOf(base).includes('1', bits))
    throw new RangeError(`${JSON.stringify(text)} has bits set after the length of its prefix`);
  return (octets) => octets.length === base.length && bitsOf(octets).startsWith(prefix);
}

const bitsOf = (octets: Uint8Array): string =>
  Array.from(octets, (octet) => octet.toString(2).padStart(8, '0')).join('');

function uriRule(text: string): Rule<string> {
  // The beginning has to go past the host: one that ends inside it would also permit `https://example.org.evil`.
  const [, beginning, rest] = /^([a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]+\/[^\s*]*)(\*?)$/.exec(text) ?? [];
  if (beginning !== undefined) return rest === '*' ? (uri) => uri.startsWith(beginning) : (uri) => uri === beginning;
  const scheme = /^([a-z][a-z0-9+.-]*:\/\/)\*$/.exec(text)?.[1];
  if (scheme !== undefined) return (uri) => uri.startsWith(scheme);
  if (/^[a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]+$/.test(text)) return (uri) => uri === text;
  throw new RangeError(`${JSON.stringify(text)} is not a rule for URIs`);
}
