import { LazyModuleLoader, NestFactory } from '@nestjs/core';
import { expect, test } from '@jest/globals';
import { HealthModule, HealthService, type PartState } from './index.js';

test('whoever asks at the same time is one who asks, and a failure to load what it needs does not last', async () => {
  let asked = 0;
  let answer: (state: PartState) => void = () => undefined;
  const check = (): Promise<PartState> => {
    asked++;
    return new Promise((resolve) => (answer = resolve));
  };
  const app = await NestFactory.createApplicationContext(
    HealthModule.forRootAsync({ useFactory: () => [{ name: 'store', check }] }),
    { logger: false },
  );
  const loader = app.get(LazyModuleLoader);
  const load = loader.load.bind(loader);
  loader.load = () => Promise.reject(new Error('too many open files'));
  const health = app.get(HealthService);
  await expect(health.report()).rejects.toThrow('too many open files');
  loader.load = load;
  const reports = Array.from({ length: 100 }, () => health.report());
  while (asked === 0) await new Promise(setImmediate);
  answer({ state: 'down', detail: 'does not answer' });
  expect(new Set((await Promise.all(reports)).map(({ status }) => status))).toEqual(new Set(['unhealthy']));
  expect(asked).toBe(1);
  const next = health.report();
  while (asked === 1) await new Promise(setImmediate);
  answer({ state: 'up' });
  expect(await next).toMatchObject({ status: 'healthy', parts: { store: { state: 'up' } } });
  await app.close();
});

test('the log says when the service becomes unhealthy, and when it is healthy again, each once', async () => {
  let state: PartState = { state: 'up' };
  const lines: unknown[] = [];
  const app = await NestFactory.createApplicationContext(
    HealthModule.forRootAsync({ useFactory: () => [{ name: 'store', check: () => state }] }),
    { logger: { log: () => undefined, error: () => undefined, warn: (line: unknown) => lines.push(line) } },
  );
  const health = app.get(HealthService);
  await health.report();
  for (const next of [{ state: 'down', detail: 'is damaged' }, { state: 'up' }] as const) {
    state = next;
    for (let asked = 0; asked < 2; asked++) await health.report();
  }
  expect(lines).toMatchObject([{ event: 'unhealthy' }, { event: 'healthy' }]);
  await app.close();
});
