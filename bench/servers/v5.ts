import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createHttpAdapter } from '../../src/http-adapter.js';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { MtlsModule, ClientIdentity } from '../../src/mtls/index.js';
import { bareTls, BODY, PATH } from '../support/material.js';
import { serve } from '../support/subject.js';
const mode = import.meta.filename.match(/v(\d)/)?.[1];
@Controller()
class BareController {
  @Get(PATH)
  test(): object { return { ...BODY }; }
}
@Controller()
class ParamController {
  @Get(PATH)
  test(@ClientIdentity() who: ClientIdentity): object { return { ...BODY, who: undefined }; }
}
@Controller()
class ReqController {
  @Get(PATH)
  test(@Req() who: any): object { return { ...BODY, who: undefined }; }
}
const folder = process.argv[2] ?? '';
@Module({ controllers: [mode === '3' ? ParamController : mode === '4' ? ReqController : BareController], imports: mode === '1' || mode === '4' ? [] : [MtlsModule.forRoot({ trustAnchors: readFileSync(join(folder, 'certs/ca_bundle.pem')), services: ['veritas-client'] })] })
class BareModule {}
const limits = { requestTimeout: 30_000, headersTimeout: 10_000, handshakeTimeout: 10_000, keepAliveTimeout: 72_000, maxConnections: 1000, maxHeaderSize: 16_384, bodyLimit: 65_536 };
const adapter = mode === '5' ? new FastifyAdapter({ https: bareTls(folder) }) : createHttpAdapter(limits as never, bareTls(folder));
const application = await NestFactory.create<NestFastifyApplication>(BareModule, adapter, { logger: false });
await application.listen(0);
serve(((application.getHttpServer() as any).address() as AddressInfo).port);
