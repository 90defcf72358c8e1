import { Inject, Injectable, type INestApplication } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { exemptAt, type HandlerClass } from '../mtls/index.js';
import type { Handler, Operation } from './openapi-operation.js';
import { SERVICE_DESCRIPTION, type ServiceDescription } from './service-description.js';

/** Makes the OpenAPI document, once, when somebody first asks for it: loading what it needs takes a quarter of a second. */
@Injectable()
export class OpenApiService {
  #application: INestApplication | undefined;
  #document: Promise<Buffer> | undefined;

  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(SERVICE_DESCRIPTION) private readonly description: ServiceDescription,
  ) {}

  /** Says which application to describe. To be called once, when the application has been created. */
  describe(application: INestApplication): void {
    this.#application = application;
  }

  /**
   * The OpenAPI document as JSON, in UTF-8. It is written once, because anybody may ask; as octets, because text would be copied for each answer that
   * waits to be taken. Throws when no application has been named, and tries again the next time.
   */
  document(): Promise<Buffer> {
    return (this.#document ??= this.#make().catch((error: unknown) => {
      this.#document = undefined;
      throw error;
    }));
  }

  async #make(): Promise<Buffer> {
    if (!this.#application) throw new Error('OpenApiService.describe was not called');
    const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
    const { COMPONENTS, completeOperation } = await import('./openapi-operation.js');
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
    const handlers = this.#handlers();
    const { exemptPaths = [] } = this.description;
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({ method, path, operation })),
    );
    for (const { method, path, operation } of operations) {
      // The operations of a handler with several paths are numbered: `HealthController.report[1]`.
      const handler = handlers.get(operation.operationId?.replace(/\[\d+\]$/, '') ?? '');
      if (handler) completeOperation(operation, handler, { method, path, exempt: exemptAt(path, exemptPaths) });
    }
    return Buffer.from(JSON.stringify({ ...document, components: COMPONENTS }));
  }

  #handlers(): Map<string, Handler> {
    const handlers = new Map<string, Handler>();
    const scanner = new MetadataScanner();
    for (const { metatype } of this.discovery.getControllers()) {
      if (typeof metatype !== 'function') continue;
      const prototype = metatype.prototype as Record<string, object>;
      for (const name of scanner.getAllMethodNames(prototype)) {
        const handler = prototype[name];
        if (handler) handlers.set(`${metatype.name}.${name}`, { handler, controller: metatype as HandlerClass });
      }
    }
    return handlers;
  }
}
