export { readBuiltInProfiles } from './built-in-profiles.js';
export { ConfigurationError, type ConfigurationProblem } from './configuration-error.js';
export type {
  Configuration,
  HealthConfig,
  HttpConfig,
  LogConfig,
  MetricsConfig,
  MicroserviceConfig,
  MtlsConfig,
  Namespace,
  PkiConfig,
  RepositoryConfig,
  StoreConfig,
  TlsConfig,
} from './configuration.js';
export { configuredServices } from './configured-services.js';
export { formatDuration, parseDuration } from './duration.js';
export type { Environment } from './environment.js';
export { loadConfiguration } from './load-configuration.js';
export { crlSources, federatedDomains, intermediatesOf } from './named-files.js';
export { policyOf } from './policy.js';
export { ROLES } from './service-roles.setting.js';
export { shellWord } from './shell-word.js';
