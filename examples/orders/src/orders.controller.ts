import { Controller, Delete, Get, Param } from '@nestjs/common';
import { AllowServices, ClientIdentity, Public } from 'veritas/mtls';

@Controller('orders')
@AllowServices('billing', 'shop')
export class OrdersController {
  @Get()
  list(@ClientIdentity() who: ClientIdentity) {
    return { orders: ['A-1', 'A-2'], askedBy: who.service };
  }

  @Delete(':id')
  @AllowServices('shop')
  cancel(@Param('id') id: string, @ClientIdentity() who: ClientIdentity) {
    return { cancelled: id, by: who.service };
  }

  @Get('health')
  @Public()
  health() {
    return { status: 'healthy' };
  }
}
