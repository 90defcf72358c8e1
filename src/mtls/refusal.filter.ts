import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { MtlsRefusal } from './mtls.errors.js';
import { sendRefusal } from './refusal-reply.js';

/** Turns a refusal into its problem document (RFC 9457). Catches nothing else: an application's own errors stay its own. */
@Catch(MtlsRefusal)
export class RefusalFilter implements ExceptionFilter<MtlsRefusal> {
  catch(refusal: MtlsRefusal, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw refusal;
    sendRefusal(host.switchToHttp().getResponse<FastifyReply>(), refusal);
  }
}
