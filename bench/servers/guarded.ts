import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Controller, Get, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { identityOf, MtlsModule, type IdentifiedRequest } from '../../src/mtls/index.js';
import { bareTls, PATH } from '../support/bare.js';
import { serve } from '../support/subject.js';

// Somebody's own application: bare NestJS with the guard and nothing else of this product.
const [, , folder = ''] = process.argv;

@Controller()
class GuardedController {
  @Get(PATH)
  test(@Req() request: IdentifiedRequest): object {
    const { service, commonName } = identityOf(request);
    return {
      message: 'mTLS authentication successful',
      client: { service, common_name: commonName, authenticated: true },
    };
  }
}

@Module({
  imports: [
    MtlsModule.forRoot({
      trustAnchors: readFileSync(join(folder, 'certs/ca_bundle.pem')),
      services: ['veritas-client'],
      issuerOrganization: 'VERITAS Framework',
      revocation: { mode: 'soft-fail' },
    }),
  ],
  controllers: [GuardedController],
})
class GuardedModule {}

const adapter = new FastifyAdapter({ https: bareTls(folder) });
const application = await NestFactory.create<NestFastifyApplication>(GuardedModule, adapter, { logger: false });
await application.listen(0);
serve((application.getHttpServer().address() as AddressInfo).port);
