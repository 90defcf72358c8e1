import { isIPv4, isIPv6 } from 'node:net';

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * Who stands behind an address, as far as it can be told: an IPv4 address, also as IPv6 writes it (`::ffff:192.0.2.1`), or the first 64 bits of an
 * IPv6 address, the network that one subscriber has at least (RFC 6177 §2). Whatever is no address is one group.
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
