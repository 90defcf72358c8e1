import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Public } from '../mtls/index.js';
import { CaService } from '../pki/index.js';
import { Answers, Documented } from './answers.decorator.js';
import { trustBundleSchema } from './api.schemas.js';

/** What other trust domains need to know about this one. */
@Controller('.well-known/spiffe')
export class TrustBundleController {
  constructor(@Inject(CaService) private readonly ca: CaService) {}

  /** The CA certificates that are trusted now, as a SPIFFE trust bundle (JWK set). */
  @Get('bundle')
  @Public()
  @Answers(trustBundleSchema)
  @Documented({ codes: [] })
  @Header('content-type', 'application/json; charset=utf-8')
  @Header('cache-control', 'public, max-age=60')
  bundle(): Promise<string> {
    return this.ca.spiffeBundle();
  }
}
