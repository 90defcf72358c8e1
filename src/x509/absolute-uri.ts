import { ipFromString } from './general-name.js';
import { dnsName, endsInNumber } from './path/dns-name.js';

const MAX_OCTETS = 2048;
// RFC 3986 §2: what may stand in a URI, a percent sign only before two hexadecimal digits.
const CHARACTERS = /^(?:[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*$/;

/**
 * Whether `text` is an absolute URI as certificates hold them (RFC 5280 §4.2.1.6): a scheme followed by something, and when there is an authority, one whose
 * host is a DNS name or an IP address. At most 2048 characters.
 */
export function isAbsoluteUri(text: string): boolean {
  if (text.length > MAX_OCTETS || !CHARACTERS.test(text)) return false;
  const [, rest = ''] = /^[a-z][a-z0-9+.-]*:(.+)$/i.exec(text) ?? [];
  if (!rest.startsWith('//')) return rest !== '';
  const authority = /^[^/?#]*/.exec(rest.slice(2))?.[0] ?? '';
  return isHost(authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d*$/, ''));
}

/** Whether `text` is an absolute URI of plain http. */
export const isHttpUri = (text: string): boolean => /^http:\/\//i.test(text) && isAbsoluteUri(text);

function isHost(text: string): boolean {
  if (text.startsWith('[')) return text.endsWith(']') && ipFromString(text.slice(1, -1))?.length === 16;
  const name = dnsName(text);
  return name !== undefined && (!endsInNumber(name) || ipFromString(name) !== undefined);
}
