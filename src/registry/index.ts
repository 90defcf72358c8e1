export { openRegistry, type Registry } from './open-registry.js';
export type { RegisteredService, ServiceChange } from './registered-service.js';
export { REGISTRY_ERRORS, RegistryError, type RegistryErrorCode } from './registry-error.js';
export { answerFrom, type ServiceAnswer, type Subject } from './service-answer.js';
export { ServiceChanges, type Expected } from './service-changes.js';
export { changeRecord, serviceRecord, shadowRecord, type ServiceRecord } from './service-record.js';
export { ServiceRegistry, type ConfiguredService } from './service-registry.js';
export { allowedWith, type ServiceTerms } from './service-terms.js';
export { ShadowReport, type ShadowedCalls } from './shadow-report.js';
