import { text } from './setting.js';

const LABEL = String.raw`(?!-)[A-Za-z0-9_-]{1,63}(?<!-)`;
// What a certificate can hold as a URI (RFC 3986 §2, §3.2.2).
const HTTP_URL = new RegExp(
  String.raw`^http://(?:${LABEL}(?:\.${LABEL})*|\[[0-9A-Fa-f:.]+\])(?::\d+)?(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:/-]|%[0-9A-Fa-f]{2})*(?<!/))?$`,
);

/** The URL at which clients reach a repository. It is not https, because checking the server's certificate would need the list that is fetched (RFC 5280 §8). */
export const publicationUrl = () =>
  text('an http URL in ASCII without user, query, fragment and trailing slash', HTTP_URL).refine(
    isOfItsHost,
    'an http URL whose host is a DNS name or an IP address',
  );

/** Whether the host is what it looks like: some readers take `0x7f` and `127.1` for addresses. */
function isOfItsHost(url: string): boolean {
  const hostname = URL.parse(url)?.hostname;
  return hostname !== undefined && (hostname.startsWith('[') || url.toLowerCase().startsWith(`http://${hostname}`));
}
