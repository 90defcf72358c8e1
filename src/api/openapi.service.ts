import { Inject, Injectable, type INestApplication } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { z } from 'zod';
import { routePolicyOf } from '../mtls/index.js';
import { ANSWERS_KEY, ASKS_KEY, TAKES_KEY, type Answer } from './answers.decorator.js';
import { problemSchema } from './api.schemas.js';
import { SERVICE_DESCRIPTION, type ServiceDescription } from './service-description.js';

interface Operation {
  readonly operationId?: string;
  summary?: string;
  security?: Record<string, string[]>[];
  requestBody?: object;
  parameters?: object[];
  responses?: Record<string, unknown>;
}

/** Makes the OpenAPI document, once, when somebody first asks for it: what it needs is a quarter of a second to load. */
@Injectable()
export class OpenApiService {
  #application: INestApplication | undefined;
  #document: Promise<object> | undefined;

  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(SERVICE_DESCRIPTION) private readonly description: ServiceDescription,
  ) {}

  /** Says which application to describe; to be called once, when it has been created. */
  describe(application: INestApplication): void {
    this.#application = application;
  }

  /** The OpenAPI 3 document. Throws when no application has been named. */
  document(): Promise<object> {
    return (this.#document ??= this.#make());
  }

  async #make(): Promise<object> {
    if (!this.#application) throw new Error('OpenApiService.describe was not called');
    const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
    const config = new DocumentBuilder()
      .setTitle(this.description.name)
      .setDescription(
        'Service identity by mutual TLS. Every path needs the client certificate of an allowed service, unless it says otherwise.',
      )
      .setVersion(this.description.version)
      .setOpenAPIVersion('3.1.0')
      .build();
    const document = SwaggerModule.createDocument(this.#application, config, {
      operationIdFactory: (controller, method) => `${controller}.${method}`,
    });
    // OpenAPI 3.1 has this scheme; the builder's types are those of 3.0.
    const securitySchemes = {
      mutualTLS: { type: 'mutualTLS', description: 'The client certificate of an allowed service.' },
    };
    const handlers = this.#handlers();
    const operations = Object.values(document.paths).flatMap((path) =>
      Object.values(path as Record<string, Operation>),
    );
    for (const operation of operations) {
      // A handler with several paths has its operations numbered: `HealthController.report[1]`.
      const handler = handlers.get(operation.operationId?.replace(/\[\d+\]$/, '') ?? '');
      if (handler) complete(operation, handler);
    }
    return { ...document, components: { ...document.components, securitySchemes } };
  }

  #handlers(): Map<string, Handler> {
    const handlers = new Map<string, Handler>();
    const scanner = new MetadataScanner();
    for (const { metatype } of this.discovery.getControllers()) {
      if (typeof metatype !== 'function') continue;
      const prototype = metatype.prototype as Record<string, object>;
      for (const name of scanner.getAllMethodNames(prototype)) {
        const handler = prototype[name];
        if (handler) handlers.set(`${metatype.name}.${name}`, { handler, controller: metatype });
      }
    }
    return handlers;
  }
}

interface Handler {
  readonly handler: object;
  readonly controller: object;
}

function complete(operation: Operation, { handler, controller }: Handler): void {
  const answer = Reflect.getMetadata(ANSWERS_KEY, handler) as Answer | undefined;
  const body = Reflect.getMetadata(TAKES_KEY, handler) as z.ZodType | undefined;
  const query = Reflect.getMetadata(ASKS_KEY, handler) as z.ZodObject | undefined;
  const isPublic = routePolicyOf(handler, controller).public;
  const description = answer?.schema.description ?? 'The page.';
  if (answer) operation.summary = description;
  operation.security = isPublic ? [] : [{ mutualTLS: [] }];
  if (body) operation.requestBody = { description: body.description ?? '', ...content('application/json', body) };
  if (query) operation.parameters = [...(operation.parameters ?? []), ...parametersOf(query)];
  operation.responses = {
    [answer?.status ?? 200]: { description, ...(answer ? content('application/json', answer.schema) : {}) },
    ...(isPublic ? {} : REFUSED),
    500: { description: 'Something unforeseen; the request is refused.', ...PROBLEM },
  };
}

const content = (type: string, schema: z.ZodType): object => ({
  content: { [type]: { schema: z.toJSONSchema(schema, { io: 'input' }) } },
});

const PROBLEM = content('application/problem+json', problemSchema);
const REFUSED = {
  400: { description: 'The client certificate cannot be read, or the request is not as documented.', ...PROBLEM },
  401: { description: 'No client certificate.', ...PROBLEM },
  403: { description: 'The client certificate, its service or its roles are not accepted.', ...PROBLEM },
};

function parametersOf(query: z.ZodObject): object[] {
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: 'input' });
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}
