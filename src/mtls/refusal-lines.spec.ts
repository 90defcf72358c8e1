import { afterEach, expect, jest, test } from '@jest/globals';
import { MtlsRefusal } from './mtls.errors.js';
import { RefusalLines } from './refusal-lines.js';

const anonymous = new MtlsRefusal('client_certificate_required', 'there is none');
const unlisted = new MtlsRefusal('service_not_allowed', 'not on the list', { service: 'scout', fingerprint256: 'aa' });
const madeUp = new MtlsRefusal('untrusted_issuer', 'nobody knows it', { service: 'scout', fingerprint256: 'aa' });

afterEach(() => {
  jest.useRealTimers();
});

function rig(about: 'refused' | 'shadowed' = 'refused') {
  const time = { now: 0 };
  const said: object[] = [];
  const lines = new RefusalLines(
    about,
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
  // Who had a sum before there were too many keeps it, and so does who has a certificate.
  expect(written(1, anonymous, addresses[5_000]!)).toBe(0);
  expect(written(1_000, unlisted, '2001:db8::1')).toBe(999);
  lines.sumUp();
  expect(said).toHaveLength(102);
  expect(said[0]).toMatchObject({ refused: 2, address: expect.stringContaining('2001:db8:') });
  expect(said[100]).toMatchObject({ refused: 54_900, by: { client_certificate_required: 54_900 } });
  expect(said[100]).not.toHaveProperty('address');
  expect(said[101]).toMatchObject({ refused: 1, service: 'scout' });
});

test('a stranger is known by the network of its address, whatever certificate it made up, and so is who is refused without one', () => {
  const { lines, said, written } = rig();
  const evidence = { service: 'scout', fingerprint256: 'aa' };
  for (const [i, refusal] of [
    new MtlsRefusal('client_certificate_malformed', 'it cannot be read', evidence),
    new MtlsRefusal('validation_failed', 'nobody foresaw it', { service: 'scout' }),
  ].entries()) {
    expect(written(1_000, refusal, `2001:db8:${i}::1`)).toBe(1_000);
    expect(written(1, refusal, `2001:db8:${i}::2`)).toBe(0);
  }
  const proxy = new MtlsRefusal('client_certificate_malformed', 'its header', { sender: 'edge', fingerprint256: 'bb' });
  expect(written(1_001, proxy, '2001:db8::1')).toBe(1_000);
  lines.sumUp();
  expect(said.map((line) => Object.keys(line).filter((name) => name === 'service' || name === 'address'))).toEqual([
    ['address'],
    ['address'],
    ['service'],
  ]);
  expect(said[2]).toMatchObject({ service: 'edge', fingerprint256: 'bb' });
});

test('sums are said every ten seconds while there is something to say, and by what they are about', () => {
  jest.useFakeTimers();
  const { said, time, written } = rig('shadowed');
  for (const round of [1, 2]) {
    written(round === 1 ? 1_001 : 51, anonymous, '192.0.2.1');
    time.now += 10_000;
    jest.advanceTimersByTime(10_000);
    expect(said).toHaveLength(round);
    expect(said.at(-1)).toMatchObject({ event: 'shadowed_not_logged', shadowed: 1, seconds: 10 });
    jest.advanceTimersByTime(60_000);
    expect(said).toHaveLength(round);
  }
});
