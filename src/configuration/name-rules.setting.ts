import { text } from './setting.js';

/** A rule for DNS names in a profile. */
export const dnsRule = text(
  'a DNS name, `*.` and a name (one label more), or `.` and a name (one or more)',
  /^(?:\*?\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/,
  255,
);

/** A rule for IP addresses in a profile. */
export const ipRule = text('an IP address, or a prefix such as 10.0.0.0/8', /^[0-9a-fA-F.:]+(?:\/\d{1,3})?$/, 64);

/** A rule for URIs in a profile. */
export const uriRule = text(
  'a URI with a host, or its beginning past the host and `*`',
  /^[a-z][a-z0-9+.-]*:\/\/\S+$/,
  2048,
);
