export { expiryPart, type HealthPart, type PartState } from './health-part.js';
export { HealthModule } from './health.module.js';
export { HealthService, type HealthReport } from './health.service.js';
