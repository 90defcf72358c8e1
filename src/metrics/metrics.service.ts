import { Inject, Injectable } from '@nestjs/common';
import type { Registry } from '@prometheus-io/client';
import { EventBus } from '../events/index.js';
import { DecisionCounts } from '../mtls/index.js';
import type { Measure, Readings } from './measure.js';
import { measuresOf } from './measures.js';
import { loadPrometheusClient } from './prometheus-client.js';

/** The injection token of the {@link Readings}. */
export const READINGS = Symbol('veritas:Readings');

/** The metrics page for Prometheus: counts since the start, and the current state. */
@Injectable()
export class MetricsService {
  readonly #measures: readonly Measure[];
  #registry: Promise<Registry> | undefined;

  constructor(
    @Inject(EventBus) events: EventBus,
    @Inject(DecisionCounts) decisions: DecisionCounts,
    @Inject(READINGS) readings: Readings,
  ) {
    this.#measures = measuresOf(events, decisions, readings);
  }

  /** The page and its media type (Prometheus' text format 0.0.4). */
  async page(): Promise<{ readonly contentType: string; readonly text: string }> {
    const registry = await (this.#registry ??= registryOf(this.#measures).catch((error: unknown) => {
      // Loading may have failed for a passing reason, such as too many open files. The next request tries again.
      this.#registry = undefined;
      throw error;
    }));
    return { contentType: registry.contentType, text: await registry.metrics() };
  }
}

/** The metrics of the process. What observes it can never be ended: so there is one for all applications in it, also those that were closed. */
let ofProcess: Registry | undefined;

/**
 * Creates the registry. Prometheus' client and the metrics of the process are loaded at the first request, so a service whose metrics nobody reads
 * pays only for counting.
 */
async function registryOf(measures: readonly Measure[]): Promise<Registry> {
  const { collectDefaultMetrics, Counter, Gauge, Registry } = await loadPrometheusClient();
  const registry = new Registry();
  for (const { name, help, kind, labels, read } of measures) {
    const registration = { name, help, labelNames: [...labels], registers: [registry] };
    if (kind === 'counter')
      new Counter({
        ...registration,
        collect() {
          this.reset();
          for (const [of, value] of read()) this.inc(of, value);
        },
      });
    else
      new Gauge({
        ...registration,
        collect() {
          this.reset();
          for (const [of, value] of read()) this.set(of, value);
        },
      });
  }
  if (!ofProcess) {
    const observed = new Registry();
    collectDefaultMetrics({ register: observed });
    ofProcess = observed;
  }
  return Registry.merge([registry, ofProcess]);
}
