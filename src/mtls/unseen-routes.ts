import 'reflect-metadata';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { MtlsGate } from './mtls.gate.js';
import { MtlsRefusal } from './mtls.errors.js';
import { DEFAULT_ADMISSION } from './route-policy.js';
import { sendRefusal } from './refusal-reply.js';

// What Nest's route decorators leave on a handler, and Nest copies to the callback that it registers.
const NEST_PATH = 'path';
// Nest renames a callback that it had to wrap (paths with parameters) to this.
const NEST_NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]*\.[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

const SEEN_BY_GUARDS = Symbol('veritas:SeenByGuards');

/**
 * Closes what Nest's guards do not see: unknown paths, static files, and every route that was put on Fastify by something other than a Nest
 * controller. They need an allowed service, as any route does without a decorator; `exemptPaths` opens them.
 * To be called before Nest registers its routes, and what it returns after that: a route that came earlier or comes later counts as unseen,
 * whatever it calls itself.
 */
export function closeUnseenRoutes(server: FastifyInstance, gate: MtlsGate): () => void {
  let registering = true;
  // One shape for every request, whether it gets an identity or not.
  server.decorateRequest('clientIdentity');
  server.addHook('onRoute', (route) => {
    if (registering && isNestRoute(route.handler, route.url))
      route.config = { ...route.config, [SEEN_BY_GUARDS]: true };
  });
  const admit = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    try {
      gate.admit(request, DEFAULT_ADMISSION);
    } catch (error) {
      if (!(error instanceof MtlsRefusal)) throw error;
      sendRefusal(reply, error);
      return;
    }
    done();
  };
  server.addHook('onRequest', (request, reply, done) => {
    if (isSeen(request)) done();
    else admit(request, reply, done);
  });
  // A route with parameters may turn out not to match after all, and hand over to the not-found handler: past onRequest, before any guard.
  server.addHook('preHandler', (request, reply, done) => {
    if (request.is404) admit(request, reply, done);
    else done();
  });
  return () => {
    registering = false;
  };
}

function isSeen(request: FastifyRequest): boolean {
  const config = request.routeOptions.config as { readonly [SEEN_BY_GUARDS]?: true };
  return config[SEEN_BY_GUARDS] === true && !request.is404;
}

function isNestRoute(handler: (...args: never[]) => unknown, url: string): boolean {
  return Reflect.hasMetadata(NEST_PATH, handler) || (url.includes(':') && NEST_NAME.test(handler.name));
}
