import { Inject, Injectable, Logger } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { HEALTH_PARTS, type HealthPart, type PartState } from './health-part.js';

/** What health answers: the whole, and each part by name. */
export interface HealthReport {
  readonly status: 'healthy' | 'unhealthy';
  readonly mtls: 'enabled';
  readonly parts: Readonly<Record<string, PartState>>;
}

/** Asks every part through @nestjs/terminus. */
@Injectable()
export class HealthService {
  readonly #logger = new Logger('Health');
  #wasHealthy = true;

  constructor(
    @Inject(HEALTH_PARTS) private readonly parts: readonly HealthPart[],
    @Inject(HealthCheckService) private readonly checks: HealthCheckService,
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
  ) {}

  async report(): Promise<HealthReport> {
    const states = new Map<string, PartState>();
    const indicators = this.parts.map((part) => async (): Promise<HealthIndicatorResult> => {
      const state = await stateOf(part);
      states.set(part.name, state);
      const indicator = this.indicators.check(part.name);
      return state.state === 'down' ? indicator.down(state.detail) : indicator.up();
    });
    const healthy = await this.checks.check(indicators).then(
      () => true,
      () => false,
    );
    // In the order in which they were named, whichever answered first.
    const parts = Object.fromEntries(this.parts.map(({ name }) => [name, states.get(name) ?? UNASKED]));
    if (healthy !== this.#wasHealthy) this.#logger.warn({ event: healthy ? 'healthy' : 'unhealthy', parts });
    this.#wasHealthy = healthy;
    return { status: healthy ? 'healthy' : 'unhealthy', mtls: 'enabled', parts };
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
