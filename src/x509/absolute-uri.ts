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

// RFC 3986 appendix B: scheme, authority, path, and the rest.
const PARTS = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is;
const UNRESERVED = /[A-Za-z0-9._~-]/;
// The schemes that RFC 5280 §7.4 has us know.
const PORTS: ReadonlyMap<string, string> = new Map([
  ['http', '80'],
  ['https', '443'],
  ['ftp', '21'],
  ['ldap', '389'],
]);

/**
 * A URI in the form in which two of them are compared (RFC 5280 §7.4, RFC 3986 §6.2.2, §6.2.3): scheme and host in small letters, no percent sign without need,
 * no dot segments, no port that is the usual one, and a path after an authority. Text that is no URI stays as it is.
 */
export function comparableUri(text: string): string {
  const [, written = '', authority, path = '', rest = ''] = PARTS.exec(text.replace(/%[0-9a-f]{2}/gi, plain)) ?? [];
  if (written === '') return text;
  const scheme = written.toLowerCase();
  if (authority === undefined) return `${scheme}:${path}${rest}`;
  const at = authority.lastIndexOf('@') + 1;
  const host = authority
    .slice(at)
    .toLowerCase()
    .replace(/:(\d*)$/, (whole, port: string) => (port === '' || port === PORTS.get(scheme) ? '' : whole));
  return `${scheme}://${authority.slice(0, at)}${host}${withoutDotSegments(path)}${rest}`;
}

function plain(encoded: string): string {
  const character = String.fromCharCode(parseInt(encoded.slice(1), 16));
  return UNRESERVED.test(character) ? character : encoded.toUpperCase();
}

/** RFC 3986 §5.2.4, for a path that follows an authority. */
function withoutDotSegments(path: string): string {
  const segments: string[] = [];
  const all = path.split('/').slice(1);
  for (const segment of all)
    if (segment === '..') segments.pop();
    else if (segment !== '.') segments.push(segment);
  const last = all.at(-1);
  if (last === '.' || last === '..') segments.push('');
  return `/${segments.join('/')}`;
}
