import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { httpsAdapter } from './https-adapter.js';
import { ordersSettings } from './orders.settings.js';

const settings = ordersSettings();
const application = await NestFactory.create<NestFastifyApplication>(AppModule, httpsAdapter(settings));
application.enableShutdownHooks();
await application.listen(settings.port, '127.0.0.1');
