import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Answers, healthSchema } from '../api/index.js';
import { Public } from '../mtls/index.js';
import { HealthService, type HealthReport } from './health.service.js';

/** Reports whether the service is healthy: 200, or 503 with the failing parts. The route is public. */
@Controller()
@Public()
export class HealthController {
  constructor(@Inject(HealthService) private readonly health: HealthService) {}

  @Get(['health', 'api/v1/health'])
  @Answers(healthSchema, 200, { also: { status: 503, description: 'Unhealthy: at least one part is down.' } })
  async report(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    const report = await this.health.report();
    void reply
      .code(report.status === 'healthy' ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE)
      .header('cache-control', 'no-store');
    return report;
  }
}
