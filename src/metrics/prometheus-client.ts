import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

type Client = typeof import('@prometheus-io/client');

/** The modules that take longest to load: a dependency of the client, and a file of its own. */
const PARTS = ['@opentelemetry/api', './lib/defaultMetrics.js'];

/** Loads Prometheus' client part by part. Loading it in one step would block the event loop for 30 ms. */
export async function loadPrometheusClient(): Promise<Client> {
  const load = createRequire(fileURLToPath(import.meta.resolve('@prometheus-io/client')));
  for (const part of PARTS) {
    try {
      load(part);
    } catch {
      // Another release may have other parts. If a module is really missing, the import below throws.
    }
    await setImmediate();
  }
  return import('@prometheus-io/client');
}
