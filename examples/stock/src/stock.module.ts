import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Module, type DynamicModule } from '@nestjs/common';
import { MtlsModule } from 'veritas/mtls';
import { StockController } from './stock.controller.js';

@Module({})
export class StockModule {
  /** With the CA and its revocation list in `folder`. */
  static in(folder: string): DynamicModule {
    return {
      module: StockModule,
      imports: [
        MtlsModule.forRoot({
          trustAnchors: readFileSync(join(folder, 'ca.pem')),
          services: ['billing', 'shop'],
          issuerOrganization: 'Acme Corp',
          revocation: { crls: [{ source: join(folder, 'acme.crl') }] },
        }),
      ],
      controllers: [StockController],
    };
  }
}
