import type { AddressInfo } from 'node:net';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { identityOf, MtlsModule, type IdentifiedRequest } from '../../src/mtls/index.js';
import { TestCa } from '../../src/testing/index.js';
import { clientTls, get } from '../support/client.js';

// It is CommonJS, and requires what is imported here: Jest takes that when it is there.
const { ThrottlerGuard, ThrottlerModule } = await import('@nestjs/throttler');

const ca = TestCa.root();
const [billing, orders, stranger] = ['billing', 'orders', 'stranger'].map((commonName) => ca.issue({ commonName }));

@Controller()
@UseGuards(ThrottlerGuard)
class ReportsController {
  @Get('reports')
  reports(): object {
    return { ok: true };
  }
}

@Module({
  imports: [
    MtlsModule.forRoot({ trustAnchors: ca.certificatePem, services: ['billing', 'orders'] }),
    ThrottlerModule.forRoot({
      throttlers: [{ ttl: 60_000, limit: 2 }],
      getTracker: (request) => identityOf(request as IdentifiedRequest).service,
    }),
  ],
  controllers: [ReportsController],
})
class ReportsModule {}

let app: NestFastifyApplication;
let port: number;
beforeAll(async () => {
  const { keyPem: key, chainPem: cert } = ca.issue({
    commonName: 'localhost',
    names: [{ kind: 'dns', value: 'localhost' }],
  });
  const https = { key, cert, ca: ca.certificatePem, requestCert: true, rejectUnauthorized: false };
  app = await NestFactory.create(ReportsModule, new FastifyAdapter({ https }), { logger: false });
  await app.listen(0, '127.0.0.1');
  ({ port } = app.getHttpServer().address() as AddressInfo);
});
afterAll(() => app.close());

test('@nestjs/throttler counts by the service on the certificate, behind the guard', async () => {
  const statusOf = async (client: typeof billing): Promise<number> =>
    (await get(port, '/reports', clientTls(ca, client))).status;
  // Whom the guard refuses never gets as far as being counted.
  for (let i = 0; i < 3; i++) expect(await statusOf(stranger)).toBe(403);
  for (const expected of [200, 200, 429]) expect(await statusOf(billing)).toBe(expected);
  expect(await statusOf(orders)).toBe(200);
});
