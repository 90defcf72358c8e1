import { Controller, Delete, Get, Inject, Param, Put, Query, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type * as z from 'zod';
import { RequireRoles, type IdentifiedRequest } from '../mtls/index.js';
import {
  changeRecord,
  RegistryError,
  serviceRecord,
  ServiceChanges,
  ServiceRegistry,
  shadowRecord,
  ShadowReport,
  type RegisteredService,
  type ServiceTerms,
} from '../registry/index.js';
import { Answers, TakesQuery, Documented, OfCaller, Takes } from './answers.decorator.js';
import { actorOf } from './certificate-access.service.js';
import { checkNoQuery, parse } from './certificate-request-body.js';
import { entityTagOf, expectedIn, isKnown } from './entity-tag.js';
import { SameOriginGuard } from './same-origin.guard.js';
import {
  historyQuerySchema,
  historySchema,
  registeredServiceSchema,
  removedServiceSchema,
  serviceTermsSchema,
  servicesPageSchema,
  servicesQuerySchema,
  shadowQuerySchema,
  shadowReportSchema,
} from './services.schemas.js';

type Call = FastifyRequest & IdentifiedRequest;

/** The service registry over HTTP: which services may call. It can be changed while the service runs. */
@Controller('api/v1')
@RequireRoles('admin')
@UseGuards(SameOriginGuard)
export class ServicesController {
  constructor(
    @Inject(ServiceRegistry) private readonly registry: ServiceRegistry,
    @Inject(ServiceChanges) private readonly changes: ServiceChanges,
    @Inject(ShadowReport) private readonly shadows: ShadowReport,
  ) {}

  @Get('services')
  @TakesQuery(servicesQuerySchema)
  @Answers(servicesPageSchema)
  list(@Query() query: unknown): z.infer<typeof servicesPageSchema> {
    const { state, cursor, limit } = parse(servicesQuerySchema, query, 'the query');
    const wanted = this.registry
      .list()
      .filter(
        ({ name, terms }) => (state === undefined || terms.state === state) && (cursor === undefined || name > cursor),
      );
    const page = wanted.slice(0, limit);
    return {
      services: page.map(serviceRecord),
      next: wanted.length > limit ? (page.at(-1)?.name ?? null) : null,
    };
  }

  @Get('services/:name')
  @Answers(registeredServiceSchema)
  @Documented({ codes: ['service_unknown'], hasEntityTag: true, isRevalidated: true })
  show(
    @Param('name') name: string,
    @Req() { headers }: Call,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): z.infer<typeof registeredServiceSchema> | undefined {
    const service = this.registry.find(name);
    if (!service) throw new RegistryError('service_unknown', 'there is no entry of this name');
    const record = tagged(service, reply);
    if (!isKnown(headers, service.version)) return record;
    void reply.code(304);
    return undefined;
  }

  /** Putting the same terms again changes nothing. */
  @Put('services/:name')
  @OfCaller()
  @Takes(serviceTermsSchema)
  @Answers(registeredServiceSchema, 200, { also: { status: 201, description: 'There was no entry before.' } })
  @Documented({
    codes: ['registry_name_malformed', 'registry_terms_malformed', 'version_mismatch', 'registry_full'],
    isConditional: true,
    hasEntityTag: true,
  })
  async put(
    @Param('name') name: string,
    @Req() request: Call,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof registeredServiceSchema>> {
    checkNoQuery(request);
    const terms = termsOf(parse(serviceTermsSchema, request.body, 'the body'));
    const { service, isNew } = await this.changes.put({ ...changeOf(name, request), terms });
    if (isNew) void reply.code(201).header('location', `/api/v1/services/${encodeURIComponent(name)}`);
    return tagged(service, reply);
  }

  @Delete('services/:name')
  @OfCaller()
  @Answers(removedServiceSchema)
  @Documented({
    codes: ['registry_name_malformed', 'service_unknown', 'service_configured', 'version_mismatch'],
    isConditional: true,
  })
  async remove(@Param('name') name: string, @Req() request: Call): Promise<z.infer<typeof removedServiceSchema>> {
    checkNoQuery(request);
    const holds = await this.changes.remove(changeOf(name, request));
    return { name, holds: holds ? serviceRecord(holds) : null };
  }

  @Get('services/:name/history')
  @TakesQuery(historyQuerySchema)
  @Answers(historySchema)
  @Documented({ codes: ['registry_name_malformed', 'service_unknown'] })
  async history(@Param('name') name: string, @Query() query: unknown): Promise<z.infer<typeof historySchema>> {
    const changes = await this.changes.history(name, parse(historyQuerySchema, query, 'the query'));
    return { name, changes: changes.map(changeRecord) };
  }

  @Get('shadow-report')
  @TakesQuery(shadowQuerySchema)
  @Answers(shadowReportSchema)
  @Documented({ codes: [] })
  async report(@Query() query: unknown): Promise<z.infer<typeof shadowReportSchema>> {
    const { limit } = parse(shadowQuerySchema, query, 'the query');
    await this.shadows.flush();
    return { shadowed: (await this.shadows.list(limit)).map(shadowRecord) };
  }
}

function tagged(service: RegisteredService, reply: FastifyReply): z.infer<typeof registeredServiceSchema> {
  void reply.header('etag', entityTagOf(service.version));
  return serviceRecord(service);
}

function changeOf(name: string, request: Call) {
  const requester = { actor: actorOf(request), requestId: request.id };
  return { name, requester, expected: expectedIn(request.headers) };
}

function termsOf(body: z.output<typeof serviceTermsSchema>): ServiceTerms {
  const { state, tries, roles, pins, rate, note } = body;
  return {
    state,
    tries: state === 'shadow' ? (tries ?? 'denied') : (tries ?? null),
    roles,
    validFrom: timeOf(body.valid_from),
    validUntil: timeOf(body.valid_until),
    pins,
    rate: rate ? { perSecond: rate.per_second, burst: rate.burst } : null,
    note: note ?? null,
  };
}

const timeOf = (text: string | null | undefined): number | null => (text ? new Date(text).getTime() : null);
