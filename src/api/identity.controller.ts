import { Controller, Get, Inject, Req } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import type { FastifyRequest } from 'fastify';
import type * as z from 'zod';
import { ClientIdentity, identityOf, ServiceRoles, type IdentifiedRequest } from '../mtls/index.js';
import { Answers, OfCaller } from './answers.decorator.js';
import { certificateInfoSchema, serviceSchema, testSchema, whoamiSchema } from './api.schemas.js';
import { certificateInfo } from './certificate-info.js';
import { SERVICE_DESCRIPTION, type ServiceDescription } from './service-description.js';

/** What a service can ask about itself, over HTTP and by message. */
@Controller()
export class IdentityController {
  constructor(
    @Inject(SERVICE_DESCRIPTION) private readonly description: ServiceDescription,
    @Inject(ServiceRoles) private readonly roles: ServiceRoles,
  ) {}

  /** What this service is. */
  @Get()
  @Answers(serviceSchema)
  service(@Req() request: FastifyRequest): z.infer<typeof serviceSchema> {
    const { socket } = request.raw;
    const protocol = 'getProtocol' in socket ? (socket as { getProtocol(): string | null }).getProtocol() : null;
    return { service: this.description.name, version: this.description.version, mtls: 'enabled', protocol };
  }

  /** Whether mutual TLS works. */
  @Get('api/v1/test')
  @OfCaller()
  @Answers(testSchema)
  test(@Req() request: IdentifiedRequest): z.infer<typeof testSchema> {
    // Only here without `@ClientIdentity()`: Nest sends a decorated parameter through its pipes, which costs more than the whole guard.
    return this.testMessage(identityOf(request));
  }

  /** The same, by message. */
  @MessagePattern('test')
  testMessage(@ClientIdentity() { service, commonName }: ClientIdentity): z.infer<typeof testSchema> {
    return {
      message: 'mTLS authentication successful',
      client: { service, common_name: commonName ?? null, authenticated: true },
    };
  }

  /** The certificate that the caller presented. */
  @Get('api/v1/certificate-info')
  @OfCaller()
  @MessagePattern('certificate-info')
  @Answers(certificateInfoSchema)
  certificateInfo(@ClientIdentity() { certificate }: ClientIdentity): z.infer<typeof certificateInfoSchema> {
    return certificateInfo(certificate, new Date());
  }

  /** Who the caller is, and how that was established. */
  @Get('api/v1/whoami')
  @OfCaller()
  @Answers(whoamiSchema)
  whoami(@Req() request: IdentifiedRequest): z.infer<typeof whoamiSchema> {
    return this.#known(identityOf(request), request.forwardedBy);
  }

  /** The same, by message. */
  @MessagePattern('whoami')
  whoamiMessage(@ClientIdentity() who: ClientIdentity): z.infer<typeof whoamiSchema> {
    return this.#known(who, undefined);
  }

  #known(who: ClientIdentity, forwardedBy: string | undefined): z.infer<typeof whoamiSchema> {
    return {
      authenticated: who.validated,
      service: who.service,
      common_name: who.commonName ?? null,
      spiffe_id: who.spiffeId ?? null,
      roles: [...this.roles.of(who)].sort(),
      established_by: {
        method: forwardedBy === undefined ? 'mtls' : `proxy:${forwardedBy}`,
        service_from: who.serviceFrom,
        trust_domain: who.trustDomain ?? null,
        serial_number: who.serialNumber,
        fingerprint_sha256: who.fingerprint256,
      },
    };
  }
}
