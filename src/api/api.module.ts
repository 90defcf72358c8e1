import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, DiscoveryModule } from '@nestjs/core';
import { CertificateAccess } from './certificate-access.service.js';
import { CertificatesController } from './certificates.controller.js';
import { DocsController } from './docs.controller.js';
import { IdentityController } from './identity.controller.js';
import { OpenApiService } from './openapi.service.js';
import { ProblemFilter } from './problem.filter.js';
import { ServicesController } from './services.controller.js';
import { TrustBundleController } from './trust-bundle.controller.js';
import { SERVICE_DESCRIPTION, type ServiceDescription } from './service-description.js';

/**
 * The service's own API: who the caller is, what its certificate says, and whether mutual TLS works; the certification authority; the list of
 * services; and the documentation.
 */
@Module({})
export class ApiModule {
  static forRoot(description: ServiceDescription): DynamicModule {
    return {
      module: ApiModule,
      imports: [DiscoveryModule],
      controllers: [
        IdentityController,
        CertificatesController,
        ServicesController,
        TrustBundleController,
        DocsController,
      ],
      providers: [
        { provide: SERVICE_DESCRIPTION, useValue: description },
        OpenApiService,
        CertificateAccess,
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}
