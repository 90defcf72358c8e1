import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { httpsAdapter } from './https-adapter.js';
import { ordersSettings } from './orders.settings.js';

try {
  const settings = ordersSettings();
  const options = { abortOnError: false };
  const application = await NestFactory.create<NestFastifyApplication>(AppModule, httpsAdapter(settings), options);
  application.enableShutdownHooks();
  await application.listen(settings.port, '127.0.0.1');
} catch (error) {
  process.stderr.write(`orders: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
