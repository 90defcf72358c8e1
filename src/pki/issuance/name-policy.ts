import { domainToASCII, domainToUnicode } from 'node:url';
import { generalNameToString, isAbsoluteUri, isWorkloadId, type GeneralName } from '../../x509/index.js';
import { PkiError } from '../pki-error.js';

/** A name that a certificate may hold, in its one canonical form. */
export type CertifiableName = Extract<GeneralName, { kind: 'dns' | 'ip' | 'uri' }>;

// RFC 1034 §3.5, RFC 5891 §4.2.3: letters, digits, hyphens, no hyphen at an end.
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_DNS = 253;
// ub-common-name is 64 (RFC 5280 appendix A); a service name is also a DNS label or a name made of some.
const MAX_SERVICE = 63;
/** RFC 5280 sets no bound; a certificate with more does not serve one service. */
const MAX_NAMES = 100;

/** Refuses what is no service name: lower-case DNS labels joined by dots, 63 characters at most. Throws PkiError `service_name_malformed`. */
export function checkServiceName(service: string): void {
  if (service.length > MAX_SERVICE || !isDnsName(service))
    throw new PkiError('service_name_malformed', `${quote(service)} is not a service name`);
}

/**
 * The names without repetition, each in canonical form: DNS names in lower case. Throws PkiError `name_malformed`, `name_not_allowed` (another kind) or
 * `too_many_names`.
 */
export function canonicalNames(names: readonly GeneralName[]): CertifiableName[] {
  const unique = new Map<string, CertifiableName>();
  for (const name of names) {
    const canonical = canonicalName(name);
    unique.set(generalNameToString(canonical), canonical);
    if (unique.size > MAX_NAMES) throw new PkiError('too_many_names', `more than ${MAX_NAMES} names are asked for`);
  }
  return [...unique.values()];
}

function canonicalName(name: GeneralName): CertifiableName {
  switch (name.kind) {
    case 'dns': {
      const value = name.value.toLowerCase();
      if (!isDnsName(value)) malformed(name);
      return { kind: 'dns', value };
    }
    case 'ip':
      if (!isHostAddress(name.value)) malformed(name);
      return { kind: 'ip', value: name.value };
    case 'uri':
      if (!isCertifiableUri(name.value)) malformed(name);
      return { kind: 'uri', value: name.value };
    default:
      throw new PkiError('name_not_allowed', `a name of the kind ${name.kind} is not certified, only DNS, IP and URI`);
  }
}

/** Whether it is a host name: no wildcard, no trailing dot, no last label that is a number (that would be an address), and only valid punycode. */
function isDnsName(value: string): boolean {
  const labels = value.split('.');
  if (value.length === 0 || value.length > MAX_DNS || !labels.every((label) => LABEL.test(label))) return false;
  if (/^\d+$/.test(labels.at(-1) ?? '')) return false;
  // RFC 5890 §2.3.1: two hyphens in the third and fourth place are reserved for such labels.
  return labels.every((label) => !label.startsWith('--', 2) || isIdnLabel(label));
}

function isIdnLabel(label: string): boolean {
  if (!label.startsWith('xn--')) return false;
  const unicode = domainToUnicode(label);
  return unicode !== '' && unicode !== label && domainToASCII(unicode) === label;
}

const IPV4_MAPPED = Buffer.from('00000000000000000000ffff', 'hex');

/**
 * Whether it is the address of one host: not unspecified, multicast or broadcast, and not an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), to which rules for
 * IPv4 would not apply.
 */
function isHostAddress(octets: Uint8Array): boolean {
  if (octets.every((octet) => octet === 0)) return false;
  const first = octets[0] ?? 0;
  if (octets.length === 4) return first > 0 && first < 224;
  return octets.length === 16 && first !== 0xff && !IPV4_MAPPED.equals(octets.subarray(0, 12));
}

/** RFC 3986 §3 with a host, without user, query, fragment and port; the SPIFFE ID of a leaf is such a URI with a path (X509-SVID §3.1). */
function isCertifiableUri(value: string): boolean {
  const [, scheme, host, path = ''] =
    /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9._-]+)((?:\/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*)$/.exec(value) ?? [];
  if (scheme === undefined || host === undefined || !isAbsoluteUri(value)) return false;
  // Characters that need no percent-encoding, or a slash or backslash in disguise: readers would see different paths (RFC 3986 §6.2.2.2).
  if (/%(?:2[DEF]|5C|5F|7E|3\d|[46][1-9A-F]|[57][0-9A])/i.test(path)) return false;
  if (scheme === 'spiffe') return isWorkloadId(value);
  return isDnsName(host) && /^(?:[^%]|%[0-9A-F]{2})*$/.test(path) && !/\/\.{1,2}(?:\/|$)/.test(path);
}

function malformed(name: GeneralName): never {
  throw new PkiError('name_malformed', `${quote(generalNameToString(name))} cannot stand in a certificate`);
}

/** Text from outside, made fit for a message: as JSON, shortened, ASCII only. */
export function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80)).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
