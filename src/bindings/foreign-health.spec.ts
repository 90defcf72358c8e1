import { expect, test } from '@jest/globals';
import { foreignCrlsPart, trustBundlesPart } from './foreign-health.js';
import type { BundleStanding } from '../mtls/index.js';

test('bundles that were never read, or not for long, are a warning that names no domain', async () => {
  const readAt = new Date();
  const good = { trustDomain: 'a.example', readAt, isStale: false };
  const stale = { trustDomain: 'b.example', readAt, isStale: true };
  const unread = { trustDomain: 'c.example', readAt: undefined, isStale: false };
  const check = (standing: readonly BundleStanding[]) => trustBundlesPart(() => standing).check();
  expect(await check([good])).toEqual({ state: 'up' });
  expect(await check([good, stale])).toEqual({ state: 'warning', detail: '1 of 2 not read for long' });
  expect(await check([good, stale, unread])).toEqual({
    state: 'warning',
    detail: '1 of 3 never read, 1 of 3 not read for long',
  });
});

test('lists of other CAs that were never read, or are over, are a warning that names none', async () => {
  const good = { isRead: true, isStale: false };
  const over = { isRead: true, isStale: true };
  const unread = { isRead: false, isStale: false };
  const check = (standing: ReturnType<Parameters<typeof foreignCrlsPart>[0]>) =>
    foreignCrlsPart(() => standing).check();
  expect(await check([good])).toEqual({ state: 'up' });
  expect(await check([good, over, unread])).toEqual({
    state: 'warning',
    detail: '1 of 3 never read, 1 of 3 past their nextUpdate',
  });
});
