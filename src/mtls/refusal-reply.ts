import type { Http2ServerResponse, Http2Session } from 'node:http2';
import type { FastifyReply } from 'fastify';
import type { MtlsRefusal } from './mtls.errors.js';
import { PROBLEM_CONTENT_TYPE, type Problem } from './problem.js';
import { problemOfRefusal } from './refusal-problem.js';

const CLOSE_GRACE_MS = 5_000;

/** Answers a request with a problem document. Even where the route's answer may be kept, it may not. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .header('content-type', PROBLEM_CONTENT_TYPE)
    .header('cache-control', 'no-store')
    .send(problem);
}

/**
 * Answers a request with the problem document of a refusal. When the connection's certificate is of no more use, the connection is closed after the
 * answer: by `Connection: close` on HTTP/1.1, by GOAWAY on HTTP/2.
 */
export function sendRefusal(reply: FastifyReply, refusal: MtlsRefusal): void {
  if (refusal.endsConnection) endConnection(reply);
  sendProblem(reply, problemOfRefusal(refusal, reply.request.id));
}

function endConnection(reply: FastifyReply): void {
  const raw = reply.raw as FastifyReply['raw'] | Http2ServerResponse;
  if (!('stream' in raw)) {
    void reply.header('connection', 'close');
    return;
  }
  const { session } = raw.stream;
  if (session) closeSession(session);
}

/** Lets open streams finish, and cuts whatever is left after the grace: a client with a flow-control window of 0 would hold on for ever. */
export function closeSession(session: Http2Session, grace = CLOSE_GRACE_MS): void {
  if (session.closed || session.destroyed) return;
  session.close();
  const cut = setTimeout(() => {
    session.destroy();
  }, grace).unref();
  session.once('close', () => {
    clearTimeout(cut);
  });
}
