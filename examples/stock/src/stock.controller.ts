import { Controller, Get } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { AllowServices, ClientIdentity, RateLimit } from 'veritas/mtls';

@Controller('stock')
@AllowServices('billing', 'shop')
export class StockController {
  readonly #level = new Map([['tea', 12]]);

  @Get()
  levels(@ClientIdentity() who: ClientIdentity) {
    return { levels: Object.fromEntries(this.#level), askedBy: who.service };
  }

  @MessagePattern('stock.level')
  level(@Payload() item: string) {
    return this.#level.get(item) ?? 0;
  }

  @MessagePattern('stock.reserve')
  @AllowServices('shop')
  @RateLimit({ perSecond: 10, burst: 5 })
  reserve(@Payload() item: string, @ClientIdentity() who: ClientIdentity) {
    this.#level.set(item, this.level(item) - 1);
    return { reserved: item, by: who.service };
  }
}
