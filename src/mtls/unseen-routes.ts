import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { MtlsGate } from './mtls.gate.js';
import { MtlsRefusal } from './mtls.errors.js';
import type { RoutePolicies } from './route-policies.service.js';
import { DEFAULT_ADMISSION, leastOf, type RoutePolicy } from './route-policy.js';
import { sendRefusal } from './refusal-reply.js';

// What comes with these has no body that anybody reads.
const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const SEEN_BY_GUARDS = Symbol('veritas:SeenByGuards');

/**
 * Takes headers that carry a client's certificate off every request, public ones too, before anything looks at it; closes what Nest's guards do not see: unknown
 * paths, static files, and every route that was put on Fastify by something other than a Nest controller, which need an allowed service as any route does without a
 * decorator (`exemptPaths` opens them); and has a route's own policy asked before a body is read.
 * To be called before Nest registers its routes, and what it returns after that: a route that came earlier or comes later counts as unseen.
 */
export function closeUnseenRoutes(server: FastifyInstance, gate: MtlsGate, policies: RoutePolicies): () => void {
  let registering = true;
  // A route may be unseen in two ways, and what HEAD is answered by has the hooks of its GET: nobody is counted twice.
  const asked = new WeakSet<FastifyRequest>();
  /** A check that throws, as one that answers the request then. What is thrown into Fastify itself here would end the process. */
  const passes =
    (check: (request: FastifyRequest, reply: FastifyReply) => void) =>
    (request: FastifyRequest, reply: FastifyReply): boolean => {
      try {
        check(request, reply);
        return true;
      } catch (error) {
        sendRefusal(reply, error instanceof MtlsRefusal ? error : gate.unforeseen(request, error));
        return false;
      }
    };
  const admitted = passes((request, reply) => {
    if (asked.has(request)) return;
    gate.admit(request, DEFAULT_ADMISSION, reply);
    asked.add(request);
  });
  const isUnforged = passes((request) => {
    gate.takeForwarded(request);
  });
  // One shape for every request, whether it gets an identity or not. What few requests get besides is no decoration: with several, Fastify's loop over them is slow
  // for every request.
  server.decorateRequest('clientIdentity');
  // What is there already is not looked at by the hook below, nor is what is put into contexts that are there already. Asking each request for its route costs more than the guard: only then.
  const isUnseen =
    hasRoutes(server) || hasContexts(server)
      ? (request: FastifyRequest) => !isMarked(request)
      : ({ is404 }: FastifyRequest) => is404;
  // Who has a route may be handed over to the not-found handler: past onRequest where its parameters turn out not to match, and before it where Nest does not
  // take the target of the request for a path (`GET *orders`). A hook on each request would see that as well, for a twenty-fifth of all that a request costs.
  server.decorateReply('callNotFound', function (this: FastifyReply) {
    if (isUnforged(this.request, this) && admitted(this.request, this)) handOver(this);
    return this;
  });
  server.addHook('onRoute', (route) => {
    const handler = registering ? policies.handlerOf(route.config) : undefined;
    if (!handler) {
      askFirst(route, admitted);
      return;
    }
    route.config = { ...route.config, [SEEN_BY_GUARDS]: true };
    // Nest answers who asks for another host than the controller's before any guard.
    if (!hasBody(route) && !policies.isOfHost(handler)) return;
    let least: RoutePolicy | undefined;
    askFirst(
      route,
      passes((request, reply) => {
        const [policy, ...others] = policies.allOf(handler);
        if (others.length === 0) {
          if (policy?.public === false) gate.admitBeforeBody(request, policy, reply);
          return;
        }
        // Which of several controllers it is for, Nest knows: that one's policy is asked, and counted, by the guard.
        least ??= leastOf(policies.allOf(handler));
        if (!least.public) gate.admitAgain(request, least);
      }),
    );
  });
  server.addHook('onRequest', (request, reply, done) => {
    if (isUnforged(request, reply) && (!isUnseen(request) || admitted(request, reply))) done();
  });
  return () => {
    registering = false;
  };
}

/** Puts a check before whatever else a route does first. */
function askFirst(route: RouteOptions, check: (request: FastifyRequest, reply: FastifyReply) => boolean): void {
  const others = route.onRequest ?? [];
  route.onRequest = [
    (request, reply, done) => {
      if (check(request, reply)) done();
    },
    ...(Array.isArray(others) ? others : [others]),
  ];
}

const hasBody = ({ method }: RouteOptions): boolean => [method].flat().some((each) => !WITHOUT_BODY.has(each));

/** What `reply.callNotFound` is without {@link closeUnseenRoutes}. */
function handOver(reply: FastifyReply): void {
  let level: object | null = reply;
  let own: unknown;
  // The last that has it is Fastify's.
  for (; level; level = Reflect.getPrototypeOf(level))
    own = Reflect.getOwnPropertyDescriptor(level, 'callNotFound')?.value ?? own;
  (own as FastifyReply['callNotFound']).call(reply);
}

function hasRoutes(server: FastifyInstance): boolean {
  return server.printRoutes() !== '(empty tree)';
}

/** Contexts of plugins, whose hooks on routes are copies of before: there is no other way to ask for them. Where they cannot be found there may be some. */
function hasContexts(server: FastifyInstance): boolean {
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'fastify.children');
  const contexts = key && (Reflect.get(server, key) as unknown);
  return !Array.isArray(contexts) || contexts.length > 0;
}

function isMarked(request: FastifyRequest): boolean {
  const config = request.routeOptions.config as { readonly [SEEN_BY_GUARDS]?: true };
  return config[SEEN_BY_GUARDS] === true && !request.is404;
}
