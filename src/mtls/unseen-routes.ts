import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { MtlsGate } from './mtls.gate.js';
import { MtlsRefusal } from './mtls.errors.js';
import type { RoutePolicies } from './route-policies.service.js';
import { DEFAULT_ADMISSION, leastOf, type RoutePolicy } from './route-policy.js';
import { sendRefusal } from './refusal-reply.js';

// Nobody reads a body of a request with one of these methods.
const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const SEEN_BY_GUARDS = Symbol('veritas:SeenByGuards');

/**
 * Takes the headers that carry a client's certificate off every request, public ones included, before anything looks at them. Closes what Nest's
 * guards do not see: unknown paths, static files, and every route that something other than a Nest controller put on Fastify. Like a route without a
 * decorator these need an allowed service, unless `exemptPaths` opens them. Has a route's own policy asked before a body is read.
 *
 * Call it before Nest registers its routes, and the function that it returns after that: a route that is registered earlier or later counts as
 * unseen.
 */
export function closeUnseenRoutes(server: FastifyInstance, gate: MtlsGate, policies: RoutePolicies): () => void {
  let registering = true;
  const isUnforged = answering(gate, (request) => {
    gate.takeForwarded(request);
  });
  const isAdmitted = admissionOnce(gate);
  // Gives every request one shape, whether it gets an identity or not. Rarer properties are no decorations: with several, Fastify's loop over them is
  // slow for every request.
  server.decorateRequest('clientIdentity');
  // The hook on routes does not see those that are there already, nor those of contexts that are there already. Only then each request is asked for
  // its route, which costs more than the guard.
  const isUnseen =
    hasRoutes(server) || hasContexts(server)
      ? (request: FastifyRequest) => !isMarked(request)
      : ({ is404 }: FastifyRequest) => is404;
  server.addHook('onRequest', (request, reply, done) => {
    if (isUnforged(request, reply) && (!isUnseen(request) || isAdmitted(request, reply))) done();
  });
  // A request that has a route may be handed over to the not-found handler: after onRequest when its parameters turn out not to match, and before it
  // when Nest does not take the request's target for a path (`GET *orders`). A hook on each request would see that too, for a twenty-fifth of all
  // that a request costs.
  server.decorateReply('callNotFound', function (this: FastifyReply) {
    if (isUnforged(this.request, this) && isAdmitted(this.request, this)) handOver(this);
    return this;
  });
  server.addHook('onRoute', (route) => {
    const handler = registering ? policies.handlerOf(route.config) : undefined;
    if (handler) route.config = { ...route.config, [SEEN_BY_GUARDS]: true };
    if (!handler) askFirst(route, isAdmitted);
    // For another host than the controller's, Nest answers before any guard.
    else if (hasBody(route) || policies.isOfHost(handler))
      askFirst(route, answering(gate, policyCheck(handler, gate, policies)));
  });
  return () => {
    registering = false;
  };
}

/** Looks at a request, and throws when it goes no further. */
type Check = (request: FastifyRequest, reply: FastifyReply) => void;
/** The same, but answers the request instead of throwing, and then says false. */
type AnsweringCheck = (request: FastifyRequest, reply: FastifyReply) => boolean;

/** An error thrown into Fastify from a hook would end the process. */
const answering =
  (gate: MtlsGate, check: Check): AnsweringCheck =>
  (request, reply) => {
    try {
      check(request, reply);
      return true;
    } catch (error) {
      sendRefusal(reply, error instanceof MtlsRefusal ? error : gate.unforeseen(request, error));
      return false;
    }
  };

/** Admits a request like a route without a decorator. */
function admissionOnce(gate: MtlsGate): AnsweringCheck {
  // A route may be unseen in two ways, and a HEAD request has the hooks of its GET route as well; nobody is counted twice.
  const admitted = new WeakSet<FastifyRequest>();
  return answering(gate, (request, reply) => {
    if (admitted.has(request)) return;
    gate.admit(request, DEFAULT_ADMISSION, reply);
    admitted.add(request);
  });
}

/** Asks the policy of a handler before a body is read. */
function policyCheck(handler: object, gate: MtlsGate, policies: RoutePolicies): Check {
  let least: RoutePolicy | undefined;
  return (request, reply) => {
    const [policy, ...others] = policies.allOf(handler);
    if (others.length === 0) {
      if (policy?.public === false) gate.admitBeforeBody(request, policy, reply);
      return;
    }
    // Only Nest knows which of several controllers the request is for; the guard then asks, and counts by, the policy of that one.
    least ??= leastOf(policies.allOf(handler));
    if (!least.public) gate.admitAgain(request, least);
  };
}

/** Puts a check before everything else that a route does first. */
function askFirst(route: RouteOptions, check: AnsweringCheck): void {
  const others = route.onRequest ?? [];
  route.onRequest = [
    (request, reply, done) => {
      if (check(request, reply)) done();
    },
    ...(Array.isArray(others) ? others : [others]),
  ];
}

const hasBody = ({ method }: RouteOptions): boolean => [method].flat().some((each) => !WITHOUT_BODY.has(each));

/** The behaviour of `reply.callNotFound` without {@link closeUnseenRoutes}. */
function handOver(reply: FastifyReply): void {
  let level: object | null = reply;
  let own: unknown;
  // The one that is found last is Fastify's.
  for (; level; level = Reflect.getPrototypeOf(level))
    own = Reflect.getOwnPropertyDescriptor(level, 'callNotFound')?.value ?? own;
  (own as FastifyReply['callNotFound']).call(reply);
}

function hasRoutes(server: FastifyInstance): boolean {
  return server.printRoutes() !== '(empty tree)';
}

/**
 * Whether there are contexts of plugins, which copied the hooks on routes when they were made. There is no other way to ask for them. Where they
 * cannot be found, there may be some.
 */
function hasContexts(server: FastifyInstance): boolean {
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'fastify.children');
  const contexts = key && (Reflect.get(server, key) as unknown);
  return !Array.isArray(contexts) || contexts.length > 0;
}

function isMarked(request: FastifyRequest): boolean {
  const config = request.routeOptions.config as { readonly [SEEN_BY_GUARDS]?: true };
  return config[SEEN_BY_GUARDS] === true && !request.is404;
}
