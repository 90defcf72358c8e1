import * as z from 'zod';
import { dnsRule, ipRule, uriRule } from './name-rule.setting.js';
import { list, objects, oneOf, text } from './setting.js';
import { ROLES, serviceName } from './service-roles.setting.js';

const serviceRule = text(
  'the name of a service in lower case, its beginning and `*`, or `*` for every service',
  /^(?:\*|[a-z0-9][a-z0-9.-]*\*?)$/,
  64,
);

/** Which services may request certificates for which services and names, in a profile of the operator's (`pki.profiles[].requesters`). */
export const requestersSchema = objects(
  z
    .strictObject({
      service: serviceName.exactOptional().describe('The exact name of the requesting service.'),
      role: oneOf(ROLES).exactOptional().describe('Instead of `service`: every service with this role.'),
      services: list(serviceRule, 'rules for service names', 1).describe(
        'The services for which certificates may be requested.',
      ),
      dns: list(dnsRule, 'rules for DNS names')
        .exactOptional()
        .describe('The DNS names that may be requested, written as in `names`; none when absent.'),
      ip: list(ipRule, 'rules for IP addresses')
        .exactOptional()
        .describe('The IP addresses that may be requested, written as in `names`; none when absent.'),
      uri: list(uriRule, 'rules for URIs')
        .exactOptional()
        .describe('The URIs that may be requested, written as in `names`; none when absent.'),
    })
    .refine(({ service, role }) => (service === undefined) !== (role === undefined), {
      path: ['service'],
      message: 'either a service or a role, and not both',
    }),
  '`{ service | role, services, dns, ip, uri }`',
);
