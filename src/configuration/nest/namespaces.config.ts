import { registerAs } from '@nestjs/config';
import type { Configuration } from '../configuration.js';
import { loadConfiguration } from '../load-configuration.js';

let loaded: Configuration | undefined;

/** The configuration of this process, read at the first call and never again. Throws like {@link loadConfiguration}. */
export const configurationOfProcess = (): Configuration => (loaded ??= loadConfiguration());

// Injected by `@Inject(tlsConfig.KEY)` as `ConfigType<typeof tlsConfig>`. No schema is handed to @nestjs/config: it writes what it
// validates back to process.env.
export const httpConfig = registerAs('http', () => configurationOfProcess().http);
export const tlsConfig = registerAs('tls', () => configurationOfProcess().tls);
export const mtlsConfig = registerAs('mtls', () => configurationOfProcess().mtls);
export const pkiConfig = registerAs('pki', () => configurationOfProcess().pki);
export const storeConfig = registerAs('store', () => configurationOfProcess().store);
export const repositoryConfig = registerAs('repository', () => configurationOfProcess().repository);
export const microserviceConfig = registerAs('microservice', () => configurationOfProcess().microservice);
export const logConfig = registerAs('log', () => configurationOfProcess().log);
export const healthConfig = registerAs('health', () => configurationOfProcess().health);
export const metricsConfig = registerAs('metrics', () => configurationOfProcess().metrics);
