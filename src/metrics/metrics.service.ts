import { Inject, Injectable } from '@nestjs/common';
import type { Registry } from '@prometheus-io/client';
import { EventBus } from '../events/index.js';
import { DecisionCounts } from '../mtls/index.js';
import type { Measure, Readings } from './measure.js';
import { measuresOf } from './measures.js';
import { loadPrometheusClient } from './prometheus-client.js';

/** The token of the {@link Readings}. */
export const READINGS = Symbol('veritas:Readings');

/** What happened since the start and how things stand, as Prometheus reads it. */
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
      // No file could be opened, perhaps: whoever asks next has it tried again.
      this.#registry = undefined;
      throw error;
    }));
    return { contentType: registry.contentType, text: await registry.metrics() };
  }
}

/** Loaded by whoever asks first, and so is what watches the process: a service that nobody asks pays for counting and nothing else. */
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
  collectDefaultMetrics({ register: registry });
  return registry;
}
