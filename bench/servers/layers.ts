import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Injectable, Module, Req, UseGuards, type CanActivate } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyServerFactory } from 'fastify';
import { bareTls, BODY, PATH } from '../support/bare.js';
import { LAYERS, type Layer } from '../support/layers.js';
import { serve } from '../support/subject.js';

// Bare NestJS with what a guard of any kind is built into, empty: each layer does nothing, and costs what the framework takes for it.
const [, , folder = '', last = 'none'] = process.argv;
const upTo = LAYERS.indexOf(last as Layer);
const has = (layer: Layer): boolean => LAYERS.indexOf(layer) <= upTo;

@Injectable()
class OpenGuard implements CanActivate {
  canActivate(): true {
    return true;
  }
}

@Controller()
class WithoutRequest {
  @Get(PATH)
  test(): object {
    return { ...BODY };
  }
}

@Controller()
class WithRequest {
  @Get(PATH)
  test(@Req() request: object): object {
    return { ...BODY, ...('none' in request ? { none: true } : {}) };
  }
}

const controller = has('request parameter') ? WithRequest : WithoutRequest;
if (has('guard')) UseGuards(OpenGuard)(controller);

@Module({ controllers: [controller], providers: [OpenGuard] })
class LayeredModule {}

const tls = bareTls(folder);
const serverFactory: FastifyServerFactory = (handler) =>
  createSecureServer({ ...tls, allowHTTP1: true }).on('request', handler as never) as never;
const adapter = has('HTTP/2 listener')
  ? new FastifyAdapter({ http2: true, serverFactory: serverFactory as never })
  : new FastifyAdapter({ https: tls });
if (has('onRequest hook'))
  adapter.getInstance<FastifyInstance>().addHook('onRequest', (_request, _reply, done) => {
    done();
  });
const application = await NestFactory.create<NestFastifyApplication>(LayeredModule, adapter, { logger: false });
await application.listen(0);
serve((application.getHttpServer().address() as AddressInfo).port);
