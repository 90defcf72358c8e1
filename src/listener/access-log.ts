import type { LoggerService } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IdentifiedRequest } from '../mtls/index.js';

/** Logs a line for each answered request. A refused request has this line too, besides the line of its refusal. */
export function logAccess(server: FastifyInstance, logger: LoggerService): void {
  server.addHook('onResponse', (request: FastifyRequest & IdentifiedRequest, reply, done) => {
    logger.log(
      {
        event: 'answered',
        request_id: request.id,
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime * 1000) / 1000,
        service: request.clientIdentity?.service,
        proxy: request.forwardedBy,
      },
      'Access',
    );
    done();
  });
}
