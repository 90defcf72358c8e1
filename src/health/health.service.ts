import { Inject, Injectable, Logger } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import type { HealthCheckService, HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { HEALTH_PARTS, type HealthPart, type PartState } from './health-part.js';

/** The health report: the overall status, and the state of each part by its name. */
export interface HealthReport {
  readonly status: 'healthy' | 'unhealthy';
  readonly mtls: 'enabled';
  readonly parts: Readonly<Record<string, PartState>>;
}

interface Terminus {
  readonly checks: HealthCheckService;
  readonly indicators: HealthIndicatorService;
}

/** Checks every part with @nestjs/terminus, which is loaded at the first report. */
@Injectable()
export class HealthService {
  readonly #logger = new Logger('Health');
  #terminus: Terminus | undefined;
  #report: Promise<HealthReport> | undefined;
  #wasHealthy = true;

  constructor(
    @Inject(HEALTH_PARTS) private readonly parts: readonly HealthPart[],
    @Inject(LazyModuleLoader) private readonly modules: LazyModuleLoader,
  ) {}

  /** Makes a report. Calls while a report is being made share it: the route is public, and the parts query the store. */
  report(): Promise<HealthReport> {
    return (this.#report ??= this.#ask().finally(() => {
      this.#report = undefined;
    }));
  }

  async #ask(): Promise<HealthReport> {
    const terminus = (this.#terminus ??= await this.#loadTerminus());
    const states = new Map<string, PartState>();
    const indicators = this.parts.map((part) => async (): Promise<HealthIndicatorResult> => {
      const state = await stateOf(part);
      states.set(part.name, state);
      const indicator = terminus.indicators.check(part.name);
      return state.state === 'down' ? indicator.down(state.detail) : indicator.up();
    });
    const healthy = await terminus.checks.check(indicators).then(
      () => true,
      () => false,
    );
    // In the order of `parts`, not in the order in which they finished.
    const parts = Object.fromEntries(this.parts.map(({ name }) => [name, states.get(name) ?? UNASKED]));
    if (healthy !== this.#wasHealthy) this.#logger.warn({ event: healthy ? 'healthy' : 'unhealthy', parts });
    this.#wasHealthy = healthy;
    return { status: healthy ? 'healthy' : 'unhealthy', mtls: 'enabled', parts };
  }

  async #loadTerminus(): Promise<Terminus> {
    const { HealthCheckService, HealthIndicatorService, TerminusModule } = await import('@nestjs/terminus');
    // Terminus would log the same failures that this service logs.
    const module = await this.modules.load(() => TerminusModule.forRoot({ logger: false }));
    return { checks: module.get(HealthCheckService), indicators: module.get(HealthIndicatorService) };
  }
}

const UNASKED: PartState = { state: 'down', detail: 'cannot be asked' };

async function stateOf(part: HealthPart): Promise<PartState> {
  try {
    return await part.check();
  } catch {
    return UNASKED;
  }
}
