import { RequestMethod, type Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import { ApiModule, isOfCaller, documentationOf } from '../api/index.js';
import type { DescribedRoute } from '../commands/index.js';
import { ConfigurationError, type Configuration } from '../configuration/index.js';
import { HealthModule } from '../health/index.js';
import { MetricsModule } from '../metrics/index.js';
import { exemptAt, routePolicyOf } from '../mtls/index.js';

/** A route of the service; `ofCaller` when it cannot answer without knowing who calls. */
type ServiceRoute = DescribedRoute & { readonly ofCaller: boolean };

/** Throws ConfigurationError for exempt paths whose routes cannot answer without knowing the caller. */
export function checkExemptPaths(configuration: Parameters<typeof describedRoutes>[0]): void {
  if (configuration.mtls.exemptPaths.length === 0) return;
  const needed = describedRoutes(configuration).filter(({ ofCaller }) => ofCaller);
  const paths = new Set(needed.flatMap(({ exempt }) => exempt));
  if (paths.size === 0) return;
  const problem = `${[...paths].join(', ')} cannot be exempt: a route there has to know its caller; take it off`;
  throw new ConfigurationError([{ path: 'mtls.exemptPaths', problem }]);
}

/** Every route of the service, from the decorators of its controllers and the exempt paths. Nothing is started to find them. */
export function describedRoutes({
  metrics,
  mtls: { exemptPaths },
}: Pick<Configuration, 'metrics'> & { readonly mtls: Pick<Configuration['mtls'], 'exemptPaths'> }): ServiceRoute[] {
  const modules = [
    ApiModule.forRoot({ name: '', version: '' }),
    HealthModule.forRootAsync({ useFactory: () => [] }),
    MetricsModule.forRootAsync({ isPublic: metrics.public, useFactory: neverCalled }),
  ];
  const scanner = new MetadataScanner();
  return modules
    .flatMap(({ controllers = [] }) => controllers)
    .flatMap((controller) =>
      scanner
        .getAllMethodNames(controller.prototype as object)
        .flatMap((name) => routesOf(controller, (controller.prototype as Record<string, object>)[name] ?? {})),
    )
    .map((route) => ({ ...route, exempt: exemptAt(route.path, exemptPaths) }));
}

function neverCalled(): never {
  throw new Error('only the decorators are read here');
}

// The metadata keys that Nest's own decorators use on a controller and its methods.
const PATH = 'path';
const METHOD = 'method';

function routesOf(controller: Type, handler: object): Omit<ServiceRoute, 'exempt'>[] {
  const number = Reflect.getMetadata(METHOD, handler) as RequestMethod | undefined;
  if (number === undefined) return [];
  const policy = routePolicyOf(handler, controller);
  const { role, byToken } = documentationOf(handler);
  return pathsOf(controller).flatMap((above) =>
    pathsOf(handler).map((below) => ({
      method: RequestMethod[number],
      path: `/${[above, below].flatMap((path) => path.split('/').filter((part) => part !== '')).join('/')}`,
      policy,
      ofCaller: isOfCaller(handler),
      ...(role ? { role } : {}),
      ...(byToken ? { byToken } : {}),
    })),
  );
}

const pathsOf = (on: object): string[] =>
  [(Reflect.getMetadata(PATH, on) as string | string[] | undefined) ?? ''].flat();
