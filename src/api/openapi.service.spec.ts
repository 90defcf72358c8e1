import { Module } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { expect, test } from '@jest/globals';
import { OpenApiService } from './openapi.service.js';

test('a document that could not be made once is made the next time', async () => {
  @Module({ imports: [DiscoveryModule] })
  class Empty {}
  const app = await NestFactory.create(Empty, new FastifyAdapter(), { logger: false });
  const service = new OpenApiService(app.get(DiscoveryService), { name: 'veritas', version: '1.2.3' });
  await expect(service.document()).rejects.toThrow('describe was not called');
  service.describe(app);
  expect(JSON.parse((await service.document()).toString())).toMatchObject({
    info: { title: 'veritas', version: '1.2.3' },
  });
  await app.close();
});
