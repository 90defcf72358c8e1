export { readBuiltInProfiles } from './built-in-profiles.js';
export { ConfigurationError, type ConfigurationProblem } from './configuration-error.js';
export type {
  Configuration,
  HealthConfig,
  HttpConfig,
  LogConfig,
  MtlsConfig,
  Namespace,
  PkiConfig,
  RepositoryConfig,
  StoreConfig,
  TlsConfig,
} from './configuration.js';
export { ConfigurationModule } from './configuration.module.js';
export { formatDuration, parseDuration } from './duration.js';
export type { Environment } from './environment.js';
export { loadConfiguration } from './load-configuration.js';
export {
  healthConfig,
  httpConfig,
  logConfig,
  mtlsConfig,
  pkiConfig,
  repositoryConfig,
  storeConfig,
  tlsConfig,
} from './namespaces.config.js';
export { policyOf } from './policy.js';
