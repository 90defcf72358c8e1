import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from '@jest/globals';
import { temporaryFolder } from '../../test/support/folder.js';
import { EventBus } from '../events/index.js';
import { openStore } from '../store/index.js';
import { ShadowReport } from './shadow-report.js';

it('is there again after a write that failed', async () => {
  const path = join(temporaryFolder(), 'veritas.db');
  const store = await openStore({ path, busyTimeout: 50 });
  const report = new ShadowReport({ store, events: new EventBus() });
  const call = {
    service: 'billing',
    method: 'GET',
    route: '/orders',
    code: 'route_not_allowed',
    reason: 'not allowed',
  };
  const other = new DatabaseSync(path);

  other.exec('begin immediate');
  report.note(call, 1_000);
  await expect(report.flush()).rejects.toMatchObject({ code: 'store_unavailable' });
  other.exec('rollback');
  other.close();

  await report.flush();
  expect(await report.list(10)).toEqual([]);
  report.note(call, 2_000);
  await report.flush();
  expect(await report.list(10)).toMatchObject([{ service: 'billing', calls: 1, firstAt: new Date(2_000) }]);
  await store.close();
});
