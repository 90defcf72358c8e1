import 'reflect-metadata';
import { methodsOf, type HandlerClass } from '../handler-methods.js';
import type { RoutePolicies } from '../route-policies.service.js';
import { GATEWAY_OPTIONS, routePolicyOf, type RoutePolicy } from '../route-policy.js';

// The metadata keys of @nestjs/microservices and @nestjs/websockets on handlers and classes. They are spelt out here instead of imported, because an
// application may have neither package.
const PATTERNS = 'microservices:pattern';
const PATTERN_KIND = 'microservices:handler_type';
const TRANSPORT = 'microservices:transport';
const GATEWAY = 'websockets:is_gateway';
const MESSAGE_MAPPING = 'websockets:message_mapping';
const MESSAGE = 'message';

/** A handler of messages, with the policy from its decorators and those of its controller. */
export interface MessageHandlerPolicy {
  readonly patterns: readonly unknown[];
  /** Undefined: every transport. */
  readonly transport: unknown;
  readonly policy: RoutePolicy;
}

/** The handlers of messages in a controller. Throws TypeError where decorators contradict each other. */
export function messageHandlersOf(controller: HandlerClass, policies: RoutePolicies): readonly MessageHandlerPolicy[] {
  return methodsOf(controller)
    .filter((method) => Reflect.hasMetadata(PATTERN_KIND, method))
    .map((method) => ({
      patterns: (Reflect.getMetadata(PATTERNS, method) ?? []) as unknown[],
      transport: Reflect.getMetadata(TRANSPORT, method) as unknown,
      policy: policies.of(method, controller),
    }));
}

/** A WebSocket gateway, with the policy of its class alone and of each of its messages. */
export interface GatewayPolicy {
  readonly name: string;
  /** With one slash in front and none at the end. */
  readonly path: string;
  readonly policy: RoutePolicy;
  readonly messages: readonly { readonly event: unknown; readonly policy: RoutePolicy }[];
}

/** A provider's class as a gateway; undefined when it is none. Throws TypeError where decorators contradict each other. */
export function gatewayOf(provider: HandlerClass, policies: RoutePolicies): GatewayPolicy | undefined {
  if (Reflect.getMetadata(GATEWAY, provider) !== true) return undefined;
  const options = (Reflect.getMetadata(GATEWAY_OPTIONS, provider) ?? {}) as { readonly path?: string };
  return {
    name: provider.name,
    path: gatewayPath(options.path),
    policy: routePolicyOf(undefined, provider),
    messages: methodsOf(provider)
      .filter((method) => Reflect.hasMetadata(MESSAGE_MAPPING, method))
      .map((method) => ({
        event: Reflect.getMetadata(MESSAGE, method) as unknown,
        policy: policies.of(method, provider),
      })),
  };
}

/** A gateway's path in the form in which its adapter compares it. */
export const gatewayPath = (path = ''): string => `/${path}`.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, '');
