import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { MtlsRefusal } from './mtls.errors.js';
import { throwError } from 'rxjs';
import { problemOfRefusal } from './refusal-problem.js';
import { sendRefusal } from './refusal-reply.js';
import { callId, callOf } from './transports/transport-call.js';

/**
 * Turns a refusal into its problem document (RFC 9457), or into the equivalent on another transport. It catches nothing else: an application's own
 * errors stay its own.
 */
@Catch(MtlsRefusal)
export class RefusalFilter implements ExceptionFilter<MtlsRefusal> {
  catch(refusal: MtlsRefusal, host: ArgumentsHost): unknown {
    if (host.getType() === 'http') {
      sendRefusal(host.switchToHttp().getResponse<FastifyReply>(), refusal);
      return undefined;
    }
    if (host.getType() !== 'rpc') throw refusal;
    return throwError(() => callOf(host.getArgs())?.errorOf(refusal) ?? problemOfRefusal(refusal, callId()));
  }
}
