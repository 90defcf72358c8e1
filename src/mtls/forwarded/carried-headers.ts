import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';

/** A header as it came, with its name in lower case. */
export interface CarriedHeader {
  readonly name: string;
  readonly value: string;
}

/**
 * The names under which proxies and applications forward a client's certificate: RFC 9440, Envoy, nginx and its ingress, HAProxy, Traefik, Apache,
 * AWS, Azure, Cloudflare.
 */
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

const ODD = /[^a-z0-9-]/g;

/**
 * The names of the headers that are taken off requests. `client_cert` counts as `client-cert`, as it does for programs that turn headers into
 * environment variables.
 */
export class CertificateHeaders {
  readonly #names: ReadonlySet<string>;
  // By the length and the first letter, which no spelling changes: most names are ruled out without being looked at.
  readonly #shapes: Uint8Array;

  /** `more` are further names, in lower case. */
  constructor(more: readonly string[] = []) {
    this.#names = new Set([...CERTIFICATE_HEADERS, ...more]);
    const shapes = Array.from(this.#names, shapeOf);
    this.#shapes = new Uint8Array(Math.max(...shapes) + 1);
    for (const shape of shapes) this.#shapes[shape] = 1;
  }

  /** Whether a name, in any case, is one of them. */
  has(name: string): boolean {
    return this.#shapes[shapeOf(name)] === 1 && this.#names.has(name.toLowerCase().replaceAll(ODD, '-'));
  }
}

/** One number for the length and the first character, the same for a letter of either case. */
const shapeOf = (name: string): number => name.length * 32 + (name.charCodeAt(0) & 31);

/**
 * Removes every header named in `names` from a request, so that nobody behind sees it, and gives the removed ones in their order. Names are in lower
 * case, and otherwise as they were spelt. Undefined, at next to no cost, when there is none.
 */
export function takeHeaders(
  raw: IncomingMessage | Http2ServerRequest,
  names: CertificateHeaders,
): readonly CarriedHeader[] | undefined {
  if (!carries(raw.rawHeaders, names)) return undefined;
  const { headers, rawHeaders } = raw;
  // HTTP/1.1 makes these objects from the raw headers when they are first asked for, and relies on the number that there was then.
  const distinct = 'headersDistinct' in raw ? raw.headersDistinct : {};
  for (const name of Object.keys(headers).filter((each) => names.has(each))) {
    Reflect.deleteProperty(headers, name);
    Reflect.deleteProperty(distinct, name);
  }
  const taken: CarriedHeader[] = [];
  // In place, because the array is the request's own.
  let kept = 0;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]];
    if (names.has(name)) taken.push({ name: name.toLowerCase(), value });
    else {
      rawHeaders[kept++] = name;
      rawHeaders[kept++] = value;
    }
  }
  rawHeaders.length = kept;
  return taken;
}

/** Looks at the raw headers: making an object of them, as asking for `headers` does, costs more than the guard. */
function carries(rawHeaders: readonly string[], names: CertificateHeaders): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) if (names.has(rawHeaders[i] ?? '')) return true;
  return false;
}
