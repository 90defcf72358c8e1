import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

type Client = typeof import('@prometheus-io/client');

/** What takes longest to load of it: its own dependency, and a file of its own. */
const PARTS = ['@opentelemetry/api', './lib/defaultMetrics.js'];

/** Loads Prometheus' client a part at a time: loaded at once, it would keep everybody waiting for 30 ms. */
export async function loadPrometheusClient(): Promise<Client> {
  const load = createRequire(fileURLToPath(import.meta.resolve('@prometheus-io/client')));
  for (const part of PARTS) {
    try {
      load(part);
    } catch {
      // Another release may be made of other parts: what is missing, if anything, is said below.
    }
    await setImmediate();
  }
  return import('@prometheus-io/client');
}
