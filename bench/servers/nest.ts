import type { AddressInfo } from 'node:net';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { bareTls, BODY, PATH } from '../support/bare.js';
import { serve } from '../support/subject.js';

@Controller()
class BareController {
  @Get(PATH)
  test(): object {
    return { ...BODY };
  }
}

@Module({ controllers: [BareController] })
class BareModule {}

const adapter = new FastifyAdapter({ https: bareTls(process.argv[2] ?? '') });
const application = await NestFactory.create<NestFastifyApplication>(BareModule, adapter, { logger: false });
await application.listen(Number(process.argv[3] ?? 0));
serve((application.getHttpServer().address() as AddressInfo).port);
