import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Observable } from 'rxjs';
import type { IdentifiedRequest } from './identified-request.js';
import { MtlsGate } from './mtls.gate.js';
import { callOf } from './transports/transport-call.js';

/**
 * Attaches the caller's identity where the guard does not: on a public route or handler of messages, for a caller who happens to present a certificate that would
 * pass elsewhere. Anybody else goes on without one. On guarded routes the identity is there already, and this does nothing.
 *
 * ```ts
 * @Get('hello') @Public() @UseInterceptors(ClientIdentityInterceptor)
 * hello(@ClientIdentity() who?: ClientIdentity) { … }
 * ```
 */
@Injectable()
export class ClientIdentityInterceptor implements NestInterceptor {
  constructor(@Inject(MtlsGate) private readonly gate: MtlsGate) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() === 'http') {
      const http = context.switchToHttp();
      this.gate.attach(http.getRequest<IdentifiedRequest>(), http.getResponse<FastifyReply>());
    } else {
      const call = callOf(context.getArgs());
      if (call) this.gate.attach(call);
    }
    return next.handle();
  }
}
