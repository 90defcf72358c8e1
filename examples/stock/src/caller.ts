import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, Transport, type ClientProxy } from '@nestjs/microservices';
import { openTlsClient } from 'veritas/tls';

/** Another application, `service`, that calls the stock by messages, through Nest's ClientsModule, in its own name. */
export async function startCaller(folder: string, service: string, port: number) {
  const tls = await openTlsClient({
    certificateFile: join(folder, `${service}.pem`),
    keyFile: join(folder, `${service}.key`),
    caFile: join(folder, 'ca.pem'),
    // The stock is refused as well once its own certificate was revoked.
    revocation: { crls: [{ source: join(folder, 'acme.crl') }] },
  });

  @Module({
    imports: [
      ClientsModule.register([
        {
          name: 'STOCK',
          transport: Transport.TCP,
          options: { host: 'localhost', port, tlsOptions: tls.connectionOptions() },
        },
      ]),
    ],
  })
  class CallerModule {}

  const application = await NestFactory.createApplicationContext(CallerModule, { logger: false, abortOnError: false });
  return {
    stock: application.get<ClientProxy>('STOCK'),
    close: async () => {
      await application.close();
      await tls.close();
    },
  };
}
