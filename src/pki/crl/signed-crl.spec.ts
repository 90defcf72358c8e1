import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../../../test/support/folder.js';
import { IN_MEMORY, OctetSpool } from './octet-spool.js';
import { SignedCrl } from './signed-crl.js';

test.each([1_000, 3 * IN_MEMORY])('the whole of %d octets is what was put into it', async (length) => {
  const spool = new OctetSpool(temporaryFolder());
  const octets = randomBytes(length);
  for (let at = 0; at < length; at += 30_000) await spool.append(octets.subarray(at, at + 30_000));
  const tbs = { length, read: () => spool.read(), dispose: () => spool.dispose() };
  const crl = new SignedCrl(
    tbs,
    { oid: '1.2.3', parameters: undefined, der: Uint8Array.of(0x05, 0x00) },
    randomBytes(64),
  );
  const whole = Buffer.from(await crl.whole());
  expect(whole.length).toBe(crl.octets);
  expect(whole.indexOf(octets)).toBeGreaterThan(0);
  await crl.dispose();
});
