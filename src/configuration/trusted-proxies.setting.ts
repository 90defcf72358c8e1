import * as z from 'zod';
import { serviceName } from './service-roles.setting.js';
import { objects, oneOf, text } from './setting.js';

// The header of these formats is fixed by RFC 9440 or by Envoy and cannot be chosen.
const OWN_HEADER: ReadonlySet<string> = new Set(['rfc9440', 'xfcc']);

const proxySchema = z.strictObject({
  service: serviceName.describe(
    'The service name in the certificate of the proxy. Our own CA must have issued that certificate.',
  ),
  format: oneOf(['rfc9440', 'xfcc', 'escaped-pem', 'spaced-pem', 'base64-der']).describe(
    'How the proxy writes the certificate of its client: `rfc9440` (`Client-Cert`; Caddy), `xfcc` (`X-Forwarded-Client-Cert`; Envoy), `escaped-pem` (nginx), `spaced-pem` (Apache), `base64-der` (HAProxy).',
  ),
  header: text(
    'the name of a header with `cert` in it, for a format that leaves it open',
    /^[a-z0-9-]*cert[a-z0-9-]*$/i,
    100,
  )
    .exactOptional()
    .describe('The name of the header, for a format without a header of its own; `X-SSL-Client-Cert` by default.'),
});

/** The proxies that may pass on the certificates of their clients. */
export const trustedProxiesSchema = objects(
  proxySchema,
  '`{ service, format, header }`: the service of a proxy, one of the formats, and a header for formats that leave it open',
);

/**
 * The problems with proxies, each with its path: a proxy that is listed twice, that is a client as well, or that sets a header although its format
 * has a fixed one.
 */
export function problemsOfProxies(
  proxies: z.output<typeof trustedProxiesSchema>,
  {
    services,
    roles,
  }: { readonly services: readonly string[]; readonly roles: readonly { readonly service: string }[] },
): readonly { readonly path: readonly [number, string]; readonly message: string }[] {
  return proxies.flatMap(({ service, format, header }, index) => {
    const of = (field: string, message: string) => ({ path: [index, field] as const, message });
    return [
      ...(proxies.findIndex((other) => other.service === service) < index
        ? [of('service', 'one entry, with one format, for each service')]
        : []),
      ...(services.includes(service) || roles.some((entry) => entry.service === service)
        ? [of('service', 'a service that is not in mtls.services or mtls.roles: a proxy calls nothing for itself')]
        : []),
      ...(header !== undefined && OWN_HEADER.has(format)
        ? [of('header', `absent: ${format} has a header of its own`)]
        : []),
    ];
  });
}
