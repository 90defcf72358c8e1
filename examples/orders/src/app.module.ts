import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { MtlsModule } from 'veritas/mtls';
import { OrdersController } from './orders.controller.js';
import { ordersSettings, type OrdersSettings } from './orders.settings.js';

@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [ordersSettings] }),
    MtlsModule.forRootAsync({
      inject: [ConfigService],
      useFactory: (config: ConfigService) => {
        const { trustAnchors, services, crls } = config.getOrThrow<OrdersSettings>('orders');
        return {
          trustAnchors,
          services,
          issuerOrganization: 'Acme Corp',
          revocation: { crls: crls.map((source) => ({ source })) },
        };
      },
    }),
  ],
  controllers: [OrdersController],
})
export class AppModule {}
