import { isIP } from 'node:net';
import { text } from './setting.js';

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';

/** A rule for DNS names (`pki.profiles[].names.dns`). */
export const dnsRule = text(
  'a DNS name, `*.` and a name (one label more), or `.` and a name (one or more)',
  new RegExp(`^(?:\\*?\\.)?${LABEL}(?:\\.${LABEL})*$`),
  255,
);

/** A rule for IP addresses. */
export const ipRule = text(
  'an IP address, or a prefix such as 10.0.0.0/8 without a bit behind its length',
  /^[0-9a-fA-F.:]+(?:\/\d{1,3})?$/,
  64,
).refine(isPrefix, 'an IP address, or a prefix such as 10.0.0.0/8 without a bit behind its length');

/** A rule for URIs: whole, its beginning past the host, or a scheme. */
export const uriRule = text(
  'a URI with a host, its beginning past the host and `*`, or a scheme as in `spiffe://*`',
  /^[a-z][a-z0-9+.-]*:\/\/(?:\*|[a-z0-9._-]+(?:\/[^\s*]*\*?)?)$/,
  2048,
);

/** A base of name constraints (RFC 5280 §4.2.1.10). */
export const subtree = text(
  '`DNS:` and a domain, `IP:` and a prefix, or `URI:` and a host, or `.` and a domain',
  new RegExp(`^(?:DNS:${LABEL}(?:\\.${LABEL})*|URI:\\.?${LABEL}(?:\\.${LABEL})*|IP:[0-9a-fA-F.:]+/\\d{1,3})$`),
  255,
).refine((text) => !text.startsWith('IP:') || isPrefix(text.slice(3)), 'a prefix without a bit behind its length');

/** Whether every name in one {@link subtree} is in another one as well (RFC 5280 §4.2.1.10). */
export function isSubtreeWithin(inner: string, outer: string): boolean {
  const [kind, base] = [outer.slice(0, outer.indexOf(':')), outer.slice(outer.indexOf(':') + 1)];
  if (inner === outer) return true;
  if (!inner.startsWith(`${kind}:`)) return false;
  if (kind === 'DNS') return inner.endsWith(`.${base}`);
  if (kind === 'URI') return base.startsWith('.') && inner.endsWith(base);
  const [one, other] = [prefixOf(inner.slice(3)), prefixOf(base)];
  return one?.family === other?.family && one?.bits.startsWith(other?.bits ?? '') === true;
}

function isPrefix(rule: string): boolean {
  return prefixOf(rule) !== undefined;
}

/** The bits that an address has in a prefix; undefined when it has others behind them, or is none. */
function prefixOf(rule: string): { readonly family: number; readonly bits: string } | undefined {
  const [address = '', written] = rule.split('/');
  const family = isIP(address);
  // IPv6 addresses that end in an IPv4 address are not supported in rules.
  if (family === 0 || (family === 6 && address.includes('.'))) return undefined;
  const bits = family === 4 ? bitsOf(address.split('.'), 10, 8) : bitsOf(groupsOf(address), 16, 16);
  const length = written === undefined ? bits.length : Number(written);
  return length <= bits.length && !bits.slice(length).includes('1')
    ? { family, bits: bits.slice(0, length) }
    : undefined;
}

/** The eight groups of an IPv6 address, with what `::` stands for. */
function groupsOf(address: string): string[] {
  const [head = [], tail = []] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  return [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
}

const bitsOf = (parts: readonly string[], radix: number, width: number): string =>
  parts.map((part) => Number.parseInt(part, radix).toString(2).padStart(width, '0')).join('');
