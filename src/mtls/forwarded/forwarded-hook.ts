import type { FastifyInstance } from 'fastify';
import { MtlsRefusal } from '../mtls.errors.js';
import type { MtlsGate } from '../mtls.gate.js';
import { sendRefusal } from '../refusal-reply.js';

/**
 * Has every request, public ones and unknown paths too, pass {@link MtlsGate.takeForwarded} before anything looks at its headers. To be called before
 * other hooks are added.
 */
export function takeForwardedFirst(server: FastifyInstance, gate: MtlsGate): void {
  server.decorateRequest('forwardedBy');
  server.addHook('onRequest', (request, reply, done) => {
    try {
      gate.takeForwarded(request);
    } catch (error) {
      if (!(error instanceof MtlsRefusal)) throw error;
      sendRefusal(reply, error);
      return;
    }
    done();
  });
}
