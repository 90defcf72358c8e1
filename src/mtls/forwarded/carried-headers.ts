import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';

/** A header as it came: the name in lower case. */
export interface CarriedHeader {
  readonly name: string;
  readonly value: string;
}

/** Names under which proxies and applications hand on a client's certificate: RFC 9440, Envoy, nginx and its ingress, HAProxy, Traefik, Apache, AWS, Azure, Cloudflare. */
export const CERTIFICATE_HEADERS: readonly string[] = [
  'client-cert',
  'client-cert-chain',
  'client-certificate',
  'x-client-cert',
  'x-client-cert-chain',
  'x-client-certificate',
  'x-forwarded-client-cert',
  'x-forwarded-client-cert-chain',
  'x-forwarded-ssl-client-cert',
  'x-forwarded-tls-client-cert',
  'ssl-client-cert',
  'ssl-client-cert-chain',
  'ssl-client-escaped-cert',
  'x-ssl-cert',
  'x-ssl-client-cert',
  'x-ssl-client-cert-chain',
  'x-ssl-client-certificate',
  'x-ssl-client-der',
  'x-ssl-client-escaped-cert',
  'x-amzn-mtls-clientcert',
  'x-amzn-mtls-clientcert-leaf',
  'x-arr-clientcert',
  'cf-client-cert-der-base64',
];

// What all of them have, and those of the settings: most headers of most requests are done with here.
const LIKELY = /cert|der$/;

/**
 * Takes every header whose name is one of `names` out of a request, so that nobody behind sees it, and gives them in their order; undefined, at next to no cost, when
 * there is none. `client_cert` counts as `client-cert`, as it does for whatever makes environment variables of headers, but keeps its spelling.
 */
export function takeHeaders(
  raw: IncomingMessage | Http2ServerRequest,
  names: ReadonlySet<string>,
): readonly CarriedHeader[] | undefined {
  const isMeant = (name: string): boolean => LIKELY.test(name) && names.has(name.replaceAll(/[^a-z0-9]/g, '-'));
  const { headers, rawHeaders } = raw;
  const found: string[] = [];
  for (const name in headers) if (isMeant(name)) found.push(name);
  if (found.length === 0) return undefined;
  // HTTP/1.1 makes these of the raw ones when they are first asked for, and counts on as many as there were.
  const distinct = 'headersDistinct' in raw ? raw.headersDistinct : {};
  for (const name of found) {
    Reflect.deleteProperty(headers, name);
    Reflect.deleteProperty(distinct, name);
  }
  const taken: CarriedHeader[] = [];
  // In place: the array is the request's own.
  let kept = 0;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]];
    const lower = name.toLowerCase();
    if (isMeant(lower)) taken.push({ name: lower, value });
    else {
      rawHeaders[kept++] = name;
      rawHeaders[kept++] = value;
    }
  }
  rawHeaders.length = kept;
  return taken;
}
