import { expect, test } from '@jest/globals';
import { configurationSchema } from './configuration.js';
import { policyOf } from './policy.js';

test('who may read the metrics is policy, and its change recorded', () => {
  const [closed, open] = [false, true].map((isPublic) =>
    policyOf(configurationSchema.parse({ metrics: { public: isPublic } })),
  );
  expect(open).toEqual({ ...closed, metrics: { public: true } });
});
