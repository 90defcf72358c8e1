import { BlockList } from 'node:net';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addressGroup } from './address-group.js';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
  ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  [undefined, ''],
  ['nonsense', ''],
])('%s belongs to %s', (address, group) => {
  expect(addressGroup(address)).toBe(group);
});

test('two IPv6 addresses are in one group if and only if they are in one network of 64 bits', () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.ipV6(), fc.boolean(), (one, other, near) => {
      const network = new BlockList();
      network.addSubnet(one, 64, 'ipv6');
      const second = near
        ? `${addressGroup(one).replace('::/64', '')}:${other.length}::1`.replace(/:(\w+)::1$/, ':0:0:$1:1')
        : other;
      // What is written as IPv4 is grouped as IPv4.
      if ([one, second].some((each) => /^::ffff:/i.test(each))) return;
      expect(addressGroup(one) === addressGroup(second)).toBe(network.check(second, 'ipv6'));
    }),
  );
});
