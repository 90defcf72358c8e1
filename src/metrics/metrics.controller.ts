import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Answers, metricsPageSchema } from '../api/index.js';
import { Public, RequireRoles } from '../mtls/index.js';
import { MetricsService } from './metrics.service.js';

class Page {
  constructor(@Inject(MetricsService) private readonly metrics: MetricsService) {}

  @Get()
  @Answers(metricsPageSchema, 200, { mediaType: 'text/plain' })
  async page(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { contentType, text } = await this.metrics.page();
    void reply.header('content-type', contentType).header('cache-control', 'no-store');
    return text;
  }
}

/** The metrics, for services with the role `metrics`. */
@Controller('metrics')
@RequireRoles('metrics')
export class MetricsController extends Page {}

/** The metrics, for everyone: with `metrics.public: true`. */
@Controller('metrics')
@Public()
export class PublicMetricsController extends Page {}
