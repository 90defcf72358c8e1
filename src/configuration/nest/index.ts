export { ConfigurationModule } from './configuration.module.js';
export {
  healthConfig,
  httpConfig,
  logConfig,
  metricsConfig,
  microserviceConfig,
  mtlsConfig,
  pkiConfig,
  repositoryConfig,
  storeConfig,
  tlsConfig,
} from './namespaces.config.js';
