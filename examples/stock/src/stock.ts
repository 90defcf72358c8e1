import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Server } from 'node:tls';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { MtlsTcpServer } from 'veritas/mtls/tcp';
import { StockModule } from './stock.module.js';

/** The hybrid application: HTTPS and NestJS messages over TCP, both behind the same guard. */
export async function startStock(folder: string, ports: { readonly https: number; readonly tcp: number }) {
  const tls = {
    cert: readFileSync(join(folder, 'server.pem')),
    key: readFileSync(join(folder, 'server.key')),
    ca: readFileSync(join(folder, 'ca.pem')),
    requestCert: true,
    rejectUnauthorized: false,
  };
  const application = await NestFactory.create<NestFastifyApplication>(
    StockModule.in(folder),
    new FastifyAdapter({ https: tls }),
    { logger: ['warn', 'error'], abortOnError: false },
  );
  const messages = new MtlsTcpServer({ host: '127.0.0.1', port: ports.tcp, tls });
  application.connectMicroservice<MicroserviceOptions>({ strategy: messages });
  await application.listen(ports.https, '127.0.0.1');
  await application.startAllMicroservices();
  return {
    application,
    ports: {
      https: (application.getHttpServer().address() as AddressInfo).port,
      tcp: (messages.unwrap<Server>().address() as AddressInfo).port,
    },
  };
}
