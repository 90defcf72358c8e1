import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { MtlsRefusal, PROBLEM_CONTENT_TYPE, problemOfStatus, sendRefusal } from '../mtls/index.js';

/**
 * Turns every error into a problem document (RFC 9457): refusals as the room mtls does (which of two global filters Nest asks depends on the
 * order of modules), Nest's HTTP exceptions by their status, anything else as 500
 * without a word about the cause, which goes to the log under the request id.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('Api');

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (error instanceof MtlsRefusal) {
      sendRefusal(reply, error);
      return;
    }
    const requestId = reply.request.id;
    const status = statusOf(error);
    if (status >= 500) this.#logger.error({ event: 'failed', requestId, err: error });
    // A message below 500 was written for the caller; one above may hold anything.
    const detail = status < 500 && error instanceof Error ? error.message : undefined;
    void reply
      .code(status)
      .header('content-type', PROBLEM_CONTENT_TYPE)
      .send(problemOfStatus(status, requestId, detail));
  }
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  // Fastify's own errors (too large, unsupported media type, malformed body) carry theirs.
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}
