import { isIPv4, isIPv6 } from 'node:net';

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * The group that an address is counted in, standing for one client as far as that can be told: an IPv4 address, also in its IPv6 form
 * (`::ffff:192.0.2.1`), or the first 64 bits of an IPv6 address, the least that one subscriber has (RFC 6177 §2). Whatever is no address falls into
 * one group.
 */
export function addressGroup(address: string | undefined): string {
  const [plain = ''] = (address ?? '').split('%');
  const mapped = MAPPED.exec(plain)?.[1];
  if (mapped !== undefined || isIPv4(plain)) return mapped ?? plain;
  if (!isIPv6(plain)) return '';
  const [before = '', after] = plain.split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const behind = after === '' ? 0 : after.split(':').length + (after.includes('.') ? 1 : 0);
    while (groups.length < 8 - behind) groups.push('0');
    groups.push(...after.split(':'));
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
