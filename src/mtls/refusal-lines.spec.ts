import { expect, test } from '@jest/globals';
import { MtlsRefusal } from './mtls.errors.js';
import { RefusalLines } from './refusal-lines.js';

const anonymous = new MtlsRefusal('client_certificate_required', 'there is none');
const unlisted = new MtlsRefusal('service_not_allowed', 'not on the list', { service: 'scout', fingerprint256: 'aa' });
const madeUp = new MtlsRefusal('untrusted_issuer', 'nobody knows it', { service: 'scout', fingerprint256: 'aa' });

function rig() {
  const time = { now: 0 };
  const said: object[] = [];
  const lines = new RefusalLines(
    'refused',
    (line) => said.push(line),
    () => time.now,
  );
  const written = (times: number, refusal: MtlsRefusal, address: string): number =>
    Array.from({ length: times }, () => lines.take(refusal, address)).filter(Boolean).length;
  return { lines, said, time, written };
}

test('a source has a thousand lines, and five more each second; what else it is refused is summed up', () => {
  const { lines, said, time, written } = rig();
  expect(written(50_000, anonymous, '192.0.2.1')).toBe(1_000);
  expect(written(1, madeUp, '192.0.2.1')).toBe(0);
  expect(written(1, unlisted, '192.0.2.1')).toBe(1);
  expect(written(2_000, unlisted, '192.0.2.2')).toBe(999);
  expect(written(1, anonymous, '192.0.2.2')).toBe(1);
  time.now = 3_000;
  expect(written(20, anonymous, '192.0.2.1')).toBe(15);
  expect(said).toEqual([]);
  time.now = 10_000;
  lines.sumUp();
  expect(said).toEqual([
    {
      event: 'refusals_not_logged',
      refused: 49_006,
      by: { client_certificate_required: 49_005, untrusted_issuer: 1 },
      address: '192.0.2.1',
      seconds: 10,
    },
    {
      event: 'refusals_not_logged',
      refused: 1_001,
      by: { service_not_allowed: 1_001 },
      service: 'scout',
      fingerprint256: 'aa',
      seconds: 10,
    },
  ]);
  lines.sumUp();
  expect(said).toHaveLength(2);
});

test('strangers at any number of addresses share five thousand lines, and take none from who has a certificate', () => {
  const { lines, said, written } = rig();
  const addresses = Array.from(
    { length: 60_000 },
    (_, i) => `2001:db8:${(i >> 8).toString(16)}:${(i & 255).toString(16)}::1`,
  );
  expect(addresses.filter((address) => written(1, anonymous, address) === 1)).toHaveLength(5_000);
  expect(written(1, unlisted, '2001:db8::1')).toBe(1);
  lines.sumUp();
  expect(said).toHaveLength(101);
  expect(said.at(-1)).toMatchObject({ refused: 54_900, by: { client_certificate_required: 54_900 } });
  expect(said.at(-1)).not.toHaveProperty('address');
});
